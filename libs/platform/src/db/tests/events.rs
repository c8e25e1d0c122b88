//! Events on their way out of a database.

use super::*;

fn relay(db: &Database, consumers: Vec<Consumers>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let relay = Relay::new(db.clone(), Bus::new(consumers), stop.clone());
    (stop, tokio::spawn(relay.run()))
}

async fn publish(db: &Database, key: &str, numbers: std::ops::Range<usize>) {
    let key = key.to_owned();
    db.transaction(move |tx| async move {
        for number in numbers {
            tx.publish(Counted { key: key.clone(), number });
        }
        Ok::<_, DbErr>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_arrive_in_order_and_a_failing_consumer_holds_back_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let db = open(&folder, clock.clone()).await;
    let good: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let bad: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let failures = Arc::new(AtomicUsize::new(0));
    let consumers = vec![
        Consumers::new("good").on(good.clone(), |seen, delivery: Delivery<Counted>| async move {
            seen.lock().unwrap().push(delivery.event.number);
            Ok::<_, Problem>(())
        }),
        Consumers::new("bad").on(
            (bad.clone(), failures.clone()),
            |(seen, failures), delivery: Delivery<Counted>| async move {
                if delivery.event.number == 0 && failures.fetch_add(1, Ordering::SeqCst) < 3 {
                    return Err(Problem::new(ErrorKind::Conflict, "not_yet", "not yet"));
                }
                seen.lock().unwrap().push(delivery.event.number);
                Ok(())
            },
        ),
    ];
    publish(&db, "a", 0..50).await;
    let (stop, task) = relay(&db, consumers);
    let done = async {
        while bad.lock().unwrap().len() < 50 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), done).await.expect("all events arrive");
    stop.cancel();
    task.await.unwrap();
    assert_eq!(*good.lock().unwrap(), (0..50).collect::<Vec<_>>());
    assert_eq!(*bad.lock().unwrap(), (0..50).collect::<Vec<_>>());
    assert_eq!(failures.load(Ordering::SeqCst), 4);
    assert_eq!(outbox::Entity::find().count(db.reader()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_waits_for_its_time_and_a_hopeless_event_becomes_a_dead_letter_that_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let db = open(&folder, clock.clone()).await;
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::new(AtomicUsize::new(0));
    let consumers = vec![Consumers::new("c").on(
        (mended.clone(), seen.clone()),
        |(mended, seen), _: Delivery<Counted>| async move {
            if !mended.load(Ordering::SeqCst) {
                return Err(Problem::new(ErrorKind::Conflict, "broken", "for good"));
            }
            seen.fetch_add(1, Ordering::SeqCst);
            Ok(())
        },
    )];
    let at = clock.now() + chrono::TimeDelta::hours(1);
    db.transaction(move |tx| async move {
        tx.publish_at(Counted { key: "t".to_owned(), number: 1 }, at);
        Ok::<_, DbErr>(())
    })
    .await
    .unwrap();
    let (stop, task) = relay(&db, consumers);
    let letters = DeadLetters(&db);
    let page = souk_kernel::PageQuery::default();
    let died = async {
        while letters.list(&page).await.unwrap().total == 0 {
            clock.advance(chrono::TimeDelta::minutes(2));
            db.ring();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), died).await.expect("it is given up");
    let letter = letters.list(&page).await.unwrap().items.remove(0);
    assert_eq!((letter.consumer.as_str(), letter.error.as_str(), letter.attempts), ("c", "broken: for good", 12));
    mended.store(true, Ordering::SeqCst);
    assert_eq!(letters.replay(Some(letter.id)).await.unwrap(), 1);
    let taken = async {
        while seen.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), taken).await.expect("the replay is taken");
    stop.cancel();
    task.await.unwrap();
    assert_eq!(letters.list(&page).await.unwrap().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_what_a_consumer_needs_uses_up_no_tries() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let db = open(&folder, clock.clone()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let consumers = vec![Consumers::new("c").on(asked.clone(), |asked, _: Delivery<Counted>| async move {
        match asked.fetch_add(1, Ordering::SeqCst) {
            0..40 => Err(Problem::new(ErrorKind::Unavailable, "inventory_unavailable", "later")),
            40..43 => Err(Problem::internal()),
            _ => Ok(()),
        }
    })];
    publish(&db, "a", 0..1).await;
    let (stop, task) = relay(&db, consumers);
    let taken = async {
        let mut waited = chrono::TimeDelta::zero();
        // While it waits for a retry it is not due, and has waited all the same.
        while let Some(since) = Backlog::oldest_undelivered(&db).await.unwrap() {
            waited = clock.now() - since;
            clock.advance(chrono::TimeDelta::minutes(2));
            db.ring();
            tokio::task::yield_now().await;
        }
        waited
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(20), taken).await.expect("it is taken in the end");
    stop.cancel();
    task.await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 44);
    assert!(waited >= chrono::TimeDelta::minutes(43), "{waited}");
    assert_eq!(outbox::Entity::find().count(db.reader()).await.unwrap(), 0);
    assert_eq!(DeadLetters(&db).list(&souk_kernel::PageQuery::default()).await.unwrap().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_waits_since_it_is_due_and_not_since_it_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let db = open(&folder, clock.clone()).await;
    let minutes = chrono::TimeDelta::minutes;
    let at = clock.now() + minutes(15);
    let timer = move |tx: super::Tx| async move {
        tx.publish_at(Counted { key: "a".to_owned(), number: 0 }, at);
        Ok::<_, DbErr>(())
    };
    db.transaction(timer).await.unwrap();
    let oldest = async || (Backlog::oldest_due(&db).await.unwrap(), Backlog::oldest_undelivered(&db).await.unwrap());
    assert_eq!(oldest().await, (None, None));
    clock.advance(minutes(16));
    let (due, undelivered) = oldest().await;
    assert_eq!(due.unwrap().timestamp_micros(), at.timestamp_micros());
    assert_eq!(undelivered, due);
    publish(&db, "b", 0..1).await;
    clock.advance(minutes(1));
    assert_eq!(oldest().await, (due, due), "the timer waits for longer");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_key_arrive_in_order_also_from_two_processes() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (open(&folder, Clock::system()).await, open(&folder, Clock::system()).await);
    let seen: Arc<std::sync::Mutex<Vec<usize>>> = Arc::default();
    let consumer = Consumers::new("c").on(seen.clone(), |seen, delivery: Delivery<Counted>| async move {
        seen.lock().unwrap().push(delivery.event.number);
        Ok::<_, Problem>(())
    });
    let (stop, task) = relay(&here, vec![consumer]);
    for number in 0..100 {
        let db = if number % 3 == 0 { &there } else { &here };
        publish(db, "a", number..number + 1).await;
    }
    let done = async {
        while seen.lock().unwrap().len() < 100 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), done).await.expect("all events arrive");
    stop.cancel();
    task.await.unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
}
