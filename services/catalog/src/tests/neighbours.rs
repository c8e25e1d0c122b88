//! Identity, inventory and orders as maps.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use souk_contracts::{
    identity::{
        EndedSessionsReply, EndedSessionsRequest, EnsureSellerRequest, GetSellersReply, GetSellersRequest,
        GetUsersReply, GetUsersRequest, JwksReply, JwksRequest, SellerProfile, StandingReply, StandingRequest,
        UserProfile,
        identity_server::{Identity, IdentityServer},
    },
    inventory::{
        CommitReply, CommitRequest, Level, LevelsReply, LevelsRequest, OpenReply, OpenRequest, ReleaseReply,
        ReleaseRequest, ReserveReply, ReserveRequest, RestockReply, RestockRequest, SetOnHandReply, SetOnHandRequest,
        inventory_server::{Inventory, InventoryServer},
    },
    orders::{
        HasReceivedReply, HasReceivedRequest, NextPaymentAttemptReply, NextPaymentAttemptRequest,
        orders_server::{Orders, OrdersServer},
    },
};
use souk_kernel::{SellerId, UserId};
use tonic::{Request, Response, Status, service::Routes};

use super::{Person, Shop};

#[derive(Default)]
pub struct Neighbours {
    standings: Mutex<HashMap<String, StandingReply>>,
    sellers: Mutex<HashMap<String, SellerProfile>>,
    levels: Mutex<HashMap<String, Level>>,
    received: Mutex<HashSet<(String, String)>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Neighbours {
    pub fn routes(this: &Arc<Self>) -> Routes {
        Routes::new(IdentityServer::from_arc(this.clone()))
            .add_service(InventoryServer::from_arc(this.clone()))
            .add_service(OrdersServer::from_arc(this.clone()))
    }

    pub fn person(&self, roles: &[&str]) -> Person {
        let id = UserId::new();
        let standing = StandingReply {
            active: true,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..StandingReply::default()
        };
        self.standings.lock().unwrap().insert(id.to_string(), standing);
        Person(id)
    }

    pub fn shop(&self, name: &str) -> Shop {
        let (person, seller) = (self.person(&["buyer", "seller"]), SellerId::new());
        let profile = SellerProfile {
            seller_id: seller.to_string(),
            name: name.to_owned(),
            slug: souk_kernel::text::slugify(name),
            status: "approved".to_owned(),
            member_user_ids: Vec::new(),
        };
        self.sellers.lock().unwrap().insert(seller.to_string(), profile);
        let mut standings = self.standings.lock().unwrap();
        let standing = standings.get_mut(&person.0.to_string()).unwrap();
        standing.seller_id = Some(seller.to_string());
        "approved".clone_into(&mut standing.seller_status);
        "owner".clone_into(&mut standing.team_role);
        Shop { person, seller }
    }

    pub fn level(&self, sku: &str) -> Option<Level> {
        self.levels.lock().unwrap().get(sku).cloned()
    }

    pub fn opened(&self) -> usize {
        self.levels.lock().unwrap().len()
    }

    /// The user has received the product.
    pub fn deliver(&self, user: Person, product: &str) {
        self.received.lock().unwrap().insert((user.0.to_string(), product.to_owned()));
    }
}

#[tonic::async_trait]
impl Identity for Neighbours {
    async fn jwks(&self, _: Request<JwksRequest>) -> Answer<JwksReply> {
        Err(Status::unimplemented("tests bring no tokens"))
    }
    async fn ended_sessions(&self, _: Request<EndedSessionsRequest>) -> Answer<EndedSessionsReply> {
        Err(Status::unimplemented("tests bring no tokens"))
    }
    async fn standing(&self, request: Request<StandingRequest>) -> Answer<StandingReply> {
        let known = self.standings.lock().unwrap().get(&request.into_inner().user_id).cloned();
        Ok(Response::new(known.unwrap_or_default()))
    }
    async fn get_sellers(&self, request: Request<GetSellersRequest>) -> Answer<GetSellersReply> {
        let known = self.sellers.lock().unwrap();
        let sellers = request.into_inner().seller_ids.iter().filter_map(|id| known.get(id).cloned()).collect();
        Ok(Response::new(GetSellersReply { sellers }))
    }
    async fn get_users(&self, request: Request<GetUsersRequest>) -> Answer<GetUsersReply> {
        let profile = |user_id| UserProfile { user_id, name: "Ada Lovelace".to_owned(), ..UserProfile::default() };
        Ok(Response::new(GetUsersReply { users: request.into_inner().user_ids.into_iter().map(profile).collect() }))
    }
    async fn ensure_seller(&self, _: Request<EnsureSellerRequest>) -> Answer<SellerProfile> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
}

#[tonic::async_trait]
impl Inventory for Neighbours {
    async fn open(&self, request: Request<OpenRequest>) -> Answer<OpenReply> {
        let mut levels = self.levels.lock().unwrap();
        for new in request.into_inner().levels {
            let level = Level {
                sku_id: new.sku_id.clone(),
                on_hand: new.on_hand,
                reserved: 0,
                available: new.on_hand,
                version: 1,
            };
            levels.entry(new.sku_id).or_insert(level);
        }
        Ok(Response::new(OpenReply {}))
    }
    async fn set_on_hand(&self, request: Request<SetOnHandRequest>) -> Answer<SetOnHandReply> {
        let SetOnHandRequest { sku_id, on_hand, .. } = request.into_inner();
        let mut levels = self.levels.lock().unwrap();
        let level = levels.get_mut(&sku_id).ok_or_else(|| Status::not_found("no such SKU"))?;
        level.on_hand = on_hand;
        level.available = on_hand - level.reserved;
        level.version += 1;
        Ok(Response::new(SetOnHandReply { level: Some(level.clone()) }))
    }
    async fn levels(&self, _: Request<LevelsRequest>) -> Answer<LevelsReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
    async fn reserve(&self, _: Request<ReserveRequest>) -> Answer<ReserveReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
    async fn commit(&self, _: Request<CommitRequest>) -> Answer<CommitReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
    async fn release(&self, _: Request<ReleaseRequest>) -> Answer<ReleaseReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
    async fn restock(&self, _: Request<RestockRequest>) -> Answer<RestockReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
}

#[tonic::async_trait]
impl Orders for Neighbours {
    async fn has_received(&self, request: Request<HasReceivedRequest>) -> Answer<HasReceivedReply> {
        let HasReceivedRequest { user_id, product_id } = request.into_inner();
        let received = self.received.lock().unwrap().contains(&(user_id, product_id));
        Ok(Response::new(HasReceivedReply { received }))
    }
    async fn next_payment_attempt(&self, _: Request<NextPaymentAttemptRequest>) -> Answer<NextPaymentAttemptReply> {
        Err(Status::unimplemented("not asked by the catalogue"))
    }
}
