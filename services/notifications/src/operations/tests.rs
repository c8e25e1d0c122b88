//! Messages, attempts and inboxes on a real database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use souk_contracts::identity::identity_client::IdentityClient;
use souk_kernel::{Clock, EventId, PageQuery, UserId};
use souk_platform::{
    db::Database,
    events::Receipt,
    rpc::{Directory, Policy},
};
use tempfile::TempDir;

use super::*;
use crate::{
    app::{App, AppState},
    config::{Config, SmtpConfig, TransportKind},
    domain::{Category, Channels, MailStatus},
    error::Error,
    letters::{SellerSuspended, Site},
    store::{Migrator, mails, notices},
    teams::{Person, Teams},
    transport::{Transport, responder::Responder},
};

struct World {
    app: AppState,
    clock: Clock,
    _folder: TempDir,
}

async fn world(transport: TransportKind) -> World {
    // Nothing listens on the port for discarded bytes.
    world_with(transport, "smtp://127.0.0.1:9".to_owned()).await
}

async fn world_with(transport: TransportKind, url: String) -> World {
    let smtp = SmtpConfig { url: url.into(), timeout: Duration::from_secs(20), ..SmtpConfig::default() };
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let url = souk_platform::db::testing::url(folder.path(), "notifications").await;
    let db = Database::open::<Migrator>("notifications", &url, clock.clone()).await.unwrap();
    let config = Config { transport, smtp, ..Config::default() };
    let app = App {
        transport: Transport::new(&config).unwrap(),
        site: Site { name: "Souk".to_owned(), url: "http://localhost:8080".to_owned() },
        config,
        db,
        teams: Teams::new(IdentityClient::new(Directory::new().channel(
            "notifications",
            "identity",
            Policy::default(),
        ))),
    };
    World { app: Arc::new(app), clock, _folder: folder }
}

fn receipt() -> Receipt {
    Receipt { consumer: "notifications", event_id: EventId::new() }
}

fn message(user_id: Option<UserId>, category: Category) -> Message<'static> {
    let letter = SellerSuspended { name: "Ann".to_owned(), seller: "Tea".to_owned(), reason: String::new() };
    let notice = Notice { title: "Suspended".to_owned(), body: String::new(), link: None };
    Message {
        to: Person { user_id, email: "Ann@Example.org".to_owned(), name: "Ann".to_owned() },
        category,
        letter: Some(Box::new(letter)),
        notice: Some(("seller_suspended", notice)),
    }
}

async fn mails(app: &App) -> Vec<mails::Model> {
    let filter = mails::Filter { to: Some("ann@EXAMPLE.org".to_owned()), ..mails::Filter::default() };
    mails::list(app.db.reader(), filter, PageQuery::default()).await.unwrap().items
}

async fn inbox(app: &App, user: UserId, unread: Option<bool>) -> Vec<notices::Model> {
    notices::list_for(app.db.reader(), user, unread, PageQuery::default()).await.unwrap().items
}

#[tokio::test]
async fn an_event_that_comes_twice_tells_once() {
    let World { app, .. } = &world(TransportKind::Mailbox).await;
    let (user, receipt) = (UserId::new(), receipt());
    for _ in 0..2 {
        notify(app, vec![message(Some(user), Category::Orders)], receipt).await.unwrap();
    }
    let mails = mails(app).await;
    assert_eq!((mails.len(), mails[0].status, mails[0].sent_at.is_some()), (1, MailStatus::Sent, true));
    assert_eq!(inbox(app, user, None).await.len(), 1);
}

#[tokio::test]
async fn people_are_told_the_way_they_chose() {
    let World { app, .. } = &world(TransportKind::Mailbox).await;
    let user = UserId::new();
    let quiet = Channels { email: false, in_app: false };
    let change = PreferenceChange { orders: Some(quiet), reviews: None };
    let (after, version) = set_preferences(&app.db, user, Some(0), change).await.unwrap();
    assert_eq!((after.orders, after.reviews.in_app, version), (quiet, true, 1));
    assert!(matches!(set_preferences(&app.db, user, Some(0), change).await, Err(Error::Problem(_))));
    notify(app, vec![message(Some(user), Category::Orders)], receipt()).await.unwrap();
    assert!(mails(app).await.is_empty() && inbox(app, user, None).await.is_empty());
    notify(app, vec![message(Some(user), Category::Account)], receipt()).await.unwrap();
    assert!(mails(app).await.len() == 1 && inbox(app, user, None).await.len() == 1);
    // A guest has no inbox.
    notify(app, vec![message(None, Category::Orders)], receipt()).await.unwrap();
    assert_eq!(mails(app).await.len(), 2);
}

#[tokio::test]
async fn a_mail_that_cannot_leave_is_tried_again_given_up_and_revived() {
    let World { app, clock, .. } = &world(TransportKind::Smtp).await;
    notify(app, vec![message(None, Category::Account)], receipt()).await.unwrap();
    let id = mails(app).await[0].id;
    for failed in 1..8 {
        let again = receipt();
        send_mail(app, id, again).await.unwrap();
        send_mail(app, id, again).await.unwrap();
        let mail = &mails(app).await[0];
        assert_eq!((mail.status, mail.attempts, mail.next_at > Some(clock.now())), (MailStatus::Queued, failed, true));
        assert!(matches!(retry_mail(&app.db, id).await, Err(Error::NotDead)));
    }
    send_mail(app, id, receipt()).await.unwrap();
    let dead = mails(app).await.remove(0);
    assert_eq!((dead.status, dead.next_at, dead.last_error.is_some()), (MailStatus::Dead, None, true));
    assert!(crate::verify::rules(&app.db).await.unwrap()[0].holds());
    let revived = retry_mail(&app.db, id).await.unwrap();
    assert_eq!((revived.status, revived.attempts), (MailStatus::Queued, 0));
    let unknown = retry_mail(&app.db, souk_kernel::NotificationId::new()).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_the_server_says_decides_what_becomes_of_a_mail() {
    let busy = Arc::new(AtomicBool::new(true));
    let still_busy = Arc::clone(&busy);
    let answers = move |asked: &str| (asked == "RCPT" && still_busy.load(Ordering::Relaxed)).then_some("451 later");
    let server = Responder::starts(answers).await;
    let World { app, clock, .. } = &world_with(TransportKind::Smtp, server.url()).await;
    notify(app, vec![message(None, Category::Account)], receipt()).await.unwrap();
    let id = mails(app).await[0].id;
    send_mail(app, id, receipt()).await.unwrap();
    let mail = &mails(app).await[0];
    assert_eq!((mail.status, mail.attempts, mail.next_at > Some(clock.now())), (MailStatus::Queued, 1, true));
    assert!(mail.last_error.as_ref().is_some_and(|error| error.contains("later")), "{mail:?}");
    busy.store(false, Ordering::Relaxed);
    send_mail(app, id, receipt()).await.unwrap();
    assert_eq!((mails(app).await[0].status, server.mails().len()), (MailStatus::Sent, 1));

    let server = Responder::starts(|asked| (asked == "RCPT").then_some("550 no such mailbox")).await;
    let World { app, .. } = &world_with(TransportKind::Smtp, server.url()).await;
    notify(app, vec![message(None, Category::Account)], receipt()).await.unwrap();
    send_mail(app, mails(app).await[0].id, receipt()).await.unwrap();
    assert_eq!((mails(app).await[0].status, server.mails().len()), (MailStatus::Dead, 0));
}

#[tokio::test]
async fn an_inbox_is_read_only_by_its_owner() {
    let World { app, .. } = &world(TransportKind::Mailbox).await;
    let (ann, bob) = (UserId::new(), UserId::new());
    for user in [ann, ann, bob] {
        notify(app, vec![message(Some(user), Category::Orders)], receipt()).await.unwrap();
    }
    let first = inbox(app, ann, None).await[1].id;
    assert!(matches!(read_one(&app.db, bob, first).await, Err(Error::NotFound(_))));
    assert!(read_one(&app.db, ann, first).await.unwrap().read_at.is_some());
    assert_eq!(inbox(app, ann, Some(true)).await.len(), 1);
    assert_eq!(read_all(&app.db, ann).await.unwrap(), 1);
    assert_eq!((inbox(app, ann, Some(true)).await.len(), inbox(app, bob, Some(true)).await.len()), (0, 1));
}

#[tokio::test]
async fn a_deleted_account_and_old_mail_are_forgotten() {
    let World { app, clock, .. } = &world(TransportKind::Mailbox).await;
    let (ann, bob) = (UserId::new(), UserId::new());
    for user in [ann, bob] {
        notify(app, vec![message(Some(user), Category::Orders)], receipt()).await.unwrap();
    }
    forget_user(&app.db, ann, receipt()).await.unwrap();
    assert!(inbox(app, ann, None).await.is_empty());
    assert_eq!((mails(app).await.len(), inbox(app, bob, None).await.len()), (1, 1));
    let retention = Duration::from_hours(24);
    assert_eq!(purge(&app.db, retention).await.unwrap(), 0);
    clock.advance(chrono::TimeDelta::days(2));
    // What nobody has read is kept.
    assert_eq!(purge(&app.db, retention).await.unwrap(), 1);
    assert_eq!(inbox(app, bob, None).await.len(), 1);
}
