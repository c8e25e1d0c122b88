//! A cache in memory that fills each entry once, however many wait for it.
//!
//! Underneath, all caches are one type: keys and values are behind pointers. The library's code for one pair of types is
//! more than a hundred kilobytes, and there are many pairs.

use std::{
    any::Any,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use metrics::{Counter, Gauge, counter, gauge};
use moka::future::Cache as Moka;

/// Invalidations are counted in this many groups of keys.
const EPOCHS: usize = 64;

/// A cache with a name, a limit and a time to live. Clones are the same cache.
#[derive(Clone)]
pub struct Cache<K, V> {
    entries: Moka<Arc<dyn AnyKey>, Erased>,
    epochs: Arc<Epochs>,
    hits: Counter,
    misses: Counter,
    count: Gauge,
    types: PhantomData<fn(K) -> V>,
}

/// A value, or an error, of a type that only the caller knows.
type Erased = Arc<dyn Any + Send + Sync>;

/// A key of a type that only the caller knows.
trait AnyKey: Any + Send + Sync {
    fn hash_into(&self, hasher: &mut dyn Hasher);
    fn equals(&self, other: &dyn AnyKey) -> bool;
}

impl<K: Hash + Eq + Send + Sync + 'static> AnyKey for K {
    fn hash_into(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }

    fn equals(&self, other: &dyn AnyKey) -> bool {
        (other as &dyn Any).downcast_ref::<K>() == Some(self)
    }
}

impl Hash for dyn AnyKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_into(state);
    }
}

impl PartialEq for dyn AnyKey {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl Eq for dyn AnyKey {}

fn reveal<T: Clone + 'static>(erased: &(dyn Any + Send + Sync)) -> T {
    erased.downcast_ref::<T>().cloned().expect("a cache holds values of its own type only")
}

struct Epochs {
    hasher: RandomState,
    counts: [AtomicU64; EPOCHS],
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most `max_bytes`, as the `weigher` counts them. The name is its label in the metrics.
    pub fn new(
        name: &'static str,
        max_bytes: u64,
        ttl: Duration,
        weigher: impl Fn(&K, &V) -> usize + Send + Sync + 'static,
    ) -> Self {
        let weigh = move |key: &dyn AnyKey, value: &(dyn Any + Send + Sync)| {
            let (key, value) = ((key as &dyn Any).downcast_ref(), value.downcast_ref());
            key.zip(value).map_or(0, |(key, value)| weigher(key, value))
        };
        Self::build(name, max_bytes, ttl, Some(Box::new(weigh)))
    }

    /// A cache of at most `max_entries`, for values of much the same size.
    pub fn with_entries(name: &'static str, max_entries: u64, ttl: Duration) -> Self {
        Self::build(name, max_entries, ttl, None)
    }

    fn build(name: &'static str, max: u64, ttl: Duration, weigher: Option<Weigher>) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            entries: entries(max, ttl, weigher),
            epochs: Arc::new(Epochs { hasher: RandomState::new(), counts }),
            hits: counter!("souk_cache_hits_total", "cache" => name),
            misses: counter!("souk_cache_misses_total", "cache" => name),
            count: gauge!("souk_cache_entries", "cache" => name),
            types: PhantomData,
        }
    }

    /// The value, if it is there.
    pub async fn get(&self, key: &K) -> Option<V> {
        let value = self.entries.get(key as &dyn AnyKey).await;
        if value.is_some() { &self.hits } else { &self.misses }.increment(1);
        value.map(|value| reveal(&*value))
    }

    /// The value; if it is missing, `fill` is asked for it, once for all who wait. Its error goes to all of them and is
    /// not kept.
    pub async fn get_or_fill<F, E>(&self, key: K, fill: impl FnOnce() -> F + Send) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send,
        E: Clone + Send + Sync + 'static,
    {
        if let Some(value) = self.get(&key).await {
            return Ok(value);
        }
        let epoch = self.epoch(&key);
        let before = epoch.load(Ordering::SeqCst);
        let fill: BoxFuture<'_, Result<Erased, Erased>> = Box::pin(async {
            match fill().await {
                Ok(value) => Ok(Arc::new(value) as Erased),
                Err(error) => Err(Arc::new(error) as Erased),
            }
        });
        let filled = fill_once(&self.entries, Arc::new(key.clone()), fill).await;
        if epoch.load(Ordering::SeqCst) != before {
            // It was invalidated while it was read: what was read may be the old state.
            self.entries.invalidate(&key as &dyn AnyKey).await;
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge, and no cache holds 2^53 entries")]
        self.count.set(self.entries.entry_count() as f64);
        filled.map(|value| reveal(&*value)).map_err(|error| reveal(&*error))
    }

    /// Puts a value there.
    pub async fn insert(&self, key: K, value: V) {
        self.entries.insert(Arc::new(key), Arc::new(value)).await;
    }

    /// Forgets a value. A fill that is under way gives its result to those who wait, but it is not kept.
    pub async fn invalidate(&self, key: &K) {
        self.epoch(key).fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate(key as &dyn AnyKey).await;
    }

    /// Forgets all values.
    pub fn invalidate_all(&self) {
        for epoch in &self.epochs.counts {
            epoch.fetch_add(1, Ordering::SeqCst);
        }
        self.entries.invalidate_all();
    }

    fn epoch(&self, key: &K) -> &AtomicU64 {
        let hash = usize::try_from(self.epochs.hasher.hash_one(key) % EPOCHS as u64);
        &self.epochs.counts[hash.expect("less than EPOCHS")]
    }
}

type Weigher = Box<dyn Fn(&dyn AnyKey, &(dyn Any + Send + Sync)) -> usize + Send + Sync>;

fn entries(max: u64, ttl: Duration, weigher: Option<Weigher>) -> Moka<Arc<dyn AnyKey>, Erased> {
    let entries = Moka::builder().max_capacity(max).time_to_live(ttl);
    let Some(weigher) = weigher else { return entries.build() };
    entries
        .weigher(move |key: &Arc<dyn AnyKey>, value: &Erased| {
            u32::try_from(weigher(&**key, &**value)).unwrap_or(u32::MAX)
        })
        .build()
}

/// Not generic, so that it exists once.
async fn fill_once(
    entries: &Moka<Arc<dyn AnyKey>, Erased>,
    key: Arc<dyn AnyKey>,
    fill: BoxFuture<'_, Result<Erased, Erased>>,
) -> Result<Erased, Erased> {
    entries.try_get_with(key, fill).await.map_err(Arc::unwrap_or_clone)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    async fn value(cache: &Cache<u8, String>, key: u8, text: &str) -> String {
        cache.get_or_fill(key, || async { Ok::<_, Infallible>(text.to_owned()) }).await.unwrap()
    }

    #[tokio::test]
    async fn it_is_filled_once_for_all_who_wait() {
        let (cache, fills) = (Cache::with_entries("test", 10, LONG), AtomicU64::new(0));
        let read = || {
            cache.get_or_fill(1, || async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(fills.fetch_add(1, Ordering::SeqCst))
            })
        };
        let all = futures::future::join_all((0..20).map(|_| read())).await;
        assert!(all.into_iter().all(|value| value == Ok(0)));
        assert_eq!((read().await, fills.into_inner()), (Ok(0), 1));
    }

    #[tokio::test]
    async fn an_error_is_not_kept() {
        let cache = Cache::with_entries("test", 10, LONG);
        assert_eq!(cache.get_or_fill(1, || async { Err::<String, _>("no") }).await, Err("no"));
        assert_eq!(value(&cache, 1, "yes").await, "yes");
    }

    #[tokio::test]
    async fn what_was_invalidated_is_read_again() {
        let cache = Cache::with_entries("test", 10, LONG);
        value(&cache, 1, "old").await;
        cache.invalidate(&1).await;
        assert_eq!(value(&cache, 1, "new").await, "new");
        cache.invalidate_all();
        assert_eq!(cache.get(&1).await, None);
    }

    #[tokio::test]
    async fn an_invalidation_during_the_fill_is_not_lost() {
        let cache = Cache::with_entries("test", 10, LONG);
        let stale = cache.get_or_fill(1, || async {
            cache.invalidate(&1).await;
            Ok::<_, Infallible>("old".to_owned())
        });
        assert_eq!(stale.await.unwrap(), "old");
        assert_eq!(value(&cache, 1, "new").await, "new");
    }

    #[tokio::test]
    async fn it_forgets_by_time_and_by_weight() {
        let cache = Cache::new("test", 10, Duration::from_millis(20), |_, text: &String| text.len());
        value(&cache, 1, "a").await;
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert_eq!(cache.get(&1).await, None);
        value(&cache, 2, "much more than ten bytes").await;
        cache.entries.run_pending_tasks().await;
        assert_eq!(cache.get(&2).await, None);
    }
}
