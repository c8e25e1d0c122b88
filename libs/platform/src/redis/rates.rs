//! Buckets of requests that several gateways share.

use std::time::Duration;

use redis::RedisResult;

use super::Redis;

/// The generic cell rate algorithm (ITU-T I.371) as in the gateway, by the server's clock, in microseconds: gateways whose
/// clocks differ count together all the same. A key lasts until its bucket is full.
pub(super) const TAKE: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local cost, depth = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + depth) + cost
local early = full_at - depth - now
if early > 0 then return math.ceil(early) end
redis.call('SET', KEYS[1], string.format('%.3f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1)
return 0
";

impl Redis {
    /// Takes one request out of the bucket `key`, which refills by one every `cost` and holds requests for `depth`; or says
    /// how long until there is one. `None` when Redis can't be asked.
    pub async fn take(&self, key: &str, cost: Duration, depth: Duration) -> Option<Result<(), Duration>> {
        let mut connection = self.connection()?;
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let mut take = self.shared.take.prepare_invoke();
        take.key(format!("{}.rate.{key}", self.shared.name)).arg(micros(cost)).arg(micros(depth));
        let answer: RedisResult<u64> = take.invoke_async(&mut connection).await;
        match answer {
            Ok(0) => Some(Ok(())),
            Ok(micros) => Some(Err(Duration::from_micros(micros))),
            Err(error) => {
                self.lost(&error.to_string());
                None
            }
        }
    }
}
