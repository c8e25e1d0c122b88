//! What is said to etcd and what it answers: of its `etcdserverpb` and `mvccpb` (API 3, the same in etcd 3.4 to 3.6) the messages
//! and fields that are needed here. Others are passed over, as Protocol Buffers have it.

#[derive(Clone, PartialEq, prost::Message)]
pub struct ResponseHeader {
    /// Counts what was written.
    #[prost(int64, tag = 3)]
    pub revision: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AuthenticateRequest {
    #[prost(string, tag = 1)]
    pub name: String,
    #[prost(string, tag = 2)]
    pub password: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AuthenticateResponse {
    #[prost(string, tag = 2)]
    pub token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValue {
    #[prost(bytes = "vec", tag = 1)]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = 5)]
    pub value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RangeRequest {
    #[prost(bytes = "vec", tag = 1)]
    pub key: Vec<u8>,
    /// The first key after those that are meant.
    #[prost(bytes = "vec", tag = 2)]
    pub range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RangeResponse {
    #[prost(message, optional, tag = 1)]
    pub header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = 2)]
    pub kvs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PutRequest {
    #[prost(bytes = "vec", tag = 1)]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = 2)]
    pub value: Vec<u8>,
    /// The lease that the key ends with.
    #[prost(int64, tag = 3)]
    pub lease: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PutResponse {}

#[cfg(test)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompactionRequest {
    #[prost(int64, tag = 1)]
    pub revision: i64,
}

#[cfg(test)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompactionResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct WatchRequest {
    #[prost(message, optional, tag = 1)]
    pub create_request: Option<WatchCreateRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct WatchCreateRequest {
    #[prost(bytes = "vec", tag = 1)]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = 2)]
    pub range_end: Vec<u8>,
    /// From which revision on changes are told.
    #[prost(int64, tag = 3)]
    pub start_revision: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct WatchResponse {
    #[prost(message, optional, tag = 1)]
    pub header: Option<ResponseHeader>,
    /// Nothing more is told.
    #[prost(bool, tag = 4)]
    pub canceled: bool,
    /// Not 0 when changes before this revision are no longer known, and so could not be told.
    #[prost(int64, tag = 5)]
    pub compact_revision: i64,
    #[prost(string, tag = 6)]
    pub cancel_reason: String,
    #[prost(message, repeated, tag = 11)]
    pub events: Vec<Event>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    #[prost(enumeration = "EventType", tag = 1)]
    pub r#type: i32,
    #[prost(message, optional, tag = 2)]
    pub kv: Option<KeyValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum EventType {
    Put = 0,
    Delete = 1,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseGrantRequest {
    /// In seconds.
    #[prost(int64, tag = 1)]
    pub ttl: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseGrantResponse {
    #[prost(int64, tag = 2)]
    pub id: i64,
    /// In seconds; may be more than was asked for.
    #[prost(int64, tag = 3)]
    pub ttl: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseRevokeRequest {
    #[prost(int64, tag = 1)]
    pub id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseRevokeResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseKeepAliveRequest {
    #[prost(int64, tag = 1)]
    pub id: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LeaseKeepAliveResponse {
    /// In seconds; 0 when there is no such lease any more.
    #[prost(int64, tag = 3)]
    pub ttl: i64,
}
