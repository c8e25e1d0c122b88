//! Sessions, resets and teams on a real database.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use souk_contracts::cart::cart_client::CartClient;
use souk_kernel::{Clock, EventId};
use souk_platform::{
    db::Database,
    events::Receipt,
    invalidations::Invalidations,
    rpc::{Directory, Policy},
    security::{EndedSessions, Role, TeamRole},
};
use tempfile::TempDir;

use super::*;
use crate::{
    app::{App, AppState},
    config::{Argon2Config, Config, SellersConfig},
    domain::{Roles, SellerAction, SellerState},
    passwords::Passwords,
    store::{Migrator, members, resets, sellers, users},
    throttle::Throttle,
    tokens::Signer,
};

const PASSWORD: &str = "correct horse";

struct World {
    app: AppState,
    clock: Clock,
    _folder: TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let url = souk_platform::db::testing::url(folder.path(), "identity").await;
    let db = Database::open::<Migrator>("identity", &url, clock.clone()).await.unwrap();
    let argon2 = Argon2Config { memory_kib: 64, iterations: 1, ..Argon2Config::default() };
    let config = Config { argon2, ..Config::default() };
    let app = App {
        passwords: Passwords::new(&config.argon2).unwrap(),
        config,
        sellers: SellersConfig::default(),
        db,
        cart: CartClient::new(Directory::new().channel("identity", "cart", Policy::default())),
        signer: Signer::open(&folder.path().join("key.pem")).unwrap(),
        throttle: Throttle::new(true, clock.clone(), Invalidations::alone()),
        ended: EndedSessions::default(),
    };
    World { app: Arc::new(app), clock, _folder: folder }
}

fn account(email: &str) -> NewAccount {
    let (email, password, name) = (email.to_owned(), PASSWORD.to_owned(), "Ann".to_owned());
    NewAccount { email, password, name, locale: None, roles: Roles::default() }
}

fn receipt() -> Receipt {
    Receipt { consumer: "identity", event_id: EventId::new() }
}

#[tokio::test]
async fn an_address_has_one_account_in_whatever_case() {
    let World { app, .. } = &world().await;
    register(app, account("Ann@Example.org")).await.unwrap();
    assert!(matches!(register(app, account("ann@example.ORG")).await, Err(Error::EmailTaken)));
    let logged_in = log_in(app, &Account::Email("ANN@example.org".to_owned()), PASSWORD.to_owned()).await.unwrap();
    assert_eq!(logged_in.person.user.email, "Ann@Example.org");
}

#[tokio::test]
async fn two_who_register_at_once_with_one_address_make_one_account() {
    let World { app, .. } = &world().await;
    let (one, two) = tokio::join!(register(app, account("a@b.org")), register(app, account("A@b.org")));
    assert!(one.is_ok() ^ two.is_ok());
    assert!(matches!(one.err().or(two.err()), Some(Error::EmailTaken)));
}

#[tokio::test]
async fn a_spent_refresh_token_ends_its_session_and_no_other() {
    let World { app, .. } = &world().await;
    let first = register(app, account("a@b.org")).await.unwrap();
    let other = log_in(app, &Account::Id(Some(first.person.user.id)), PASSWORD.to_owned()).await.unwrap();
    let second = refresh(app, &first.refresh_token, None).await.unwrap();
    let third = refresh(app, &second.refresh_token, None).await.unwrap();
    assert!(matches!(refresh(app, &first.refresh_token, None).await, Err(Error::BadRefreshToken)));
    assert!(matches!(refresh(app, &third.refresh_token, None).await, Err(Error::BadRefreshToken)));
    assert!(matches!(refresh(app, "unknown", None).await, Err(Error::BadRefreshToken)));
    refresh(app, &other.refresh_token, None).await.unwrap();
}

#[tokio::test]
async fn of_two_who_refresh_at_once_at_most_one_succeeds() {
    let World { app, .. } = &world().await;
    let token = register(app, account("a@b.org")).await.unwrap().refresh_token;
    let (one, two) = tokio::join!(refresh(app, &token, None), refresh(app, &token, None));
    assert!(one.is_ok() ^ two.is_ok());
}

#[tokio::test]
async fn a_refresh_token_of_another_user_is_refused_and_not_spent() {
    let World { app, .. } = &world().await;
    let ann = register(app, account("ann@b.org")).await.unwrap();
    let bob = register(app, account("bob@b.org")).await.unwrap();
    let as_bob = refresh(app, &ann.refresh_token, Some(bob.person.user.id)).await;
    assert!(matches!(as_bob, Err(Error::BadRefreshToken)));
    refresh(app, &ann.refresh_token, Some(ann.person.user.id)).await.unwrap();
}

#[tokio::test]
async fn an_unused_session_expires_and_is_forgotten() {
    let World { app, clock, .. } = &world().await;
    let session = register(app, account("a@b.org")).await.unwrap();
    clock.advance(TimeDelta::days(31));
    assert!(matches!(refresh(app, &session.refresh_token, None).await, Err(Error::BadRefreshToken)));
    assert_eq!(purge(&app.db).await.unwrap(), 0);
    clock.advance(TimeDelta::days(7));
    assert_eq!(purge(&app.db).await.unwrap(), 1);
}

#[tokio::test]
async fn logging_out_ends_only_the_own_session() {
    let World { app, .. } = &world().await;
    let ann = register(app, account("ann@b.org")).await.unwrap();
    let bob = register(app, account("bob@b.org")).await.unwrap();
    log_out(app, bob.person.user.id, &ann.refresh_token).await.unwrap();
    let ann = refresh(app, &ann.refresh_token, None).await.unwrap();
    log_out(app, ann.person.user.id, &ann.refresh_token).await.unwrap();
    assert!(matches!(refresh(app, &ann.refresh_token, None).await, Err(Error::BadRefreshToken)));
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_by_either_name_of_the_account() {
    let World { app, clock, .. } = &world().await;
    let id = register(app, account("a@b.org")).await.unwrap().person.user.id;
    // Five are free; after each of the others the pause doubles, until it is longer than the next look takes.
    for pause in [0, 0, 0, 0, 0, 2, 3, 5, 9, 17] {
        clock.advance(TimeDelta::seconds(pause));
        let guess = log_in(app, &Account::Email("A@b.org".to_owned()), "wrong".to_owned()).await;
        assert!(matches!(guess, Err(Error::BadCredentials)));
    }
    let right = log_in(app, &Account::Id(Some(id)), PASSWORD.to_owned()).await;
    assert!(matches!(right, Err(Error::Throttled(_))));
    clock.advance(TimeDelta::seconds(33));
    log_in(app, &Account::Id(Some(id)), PASSWORD.to_owned()).await.unwrap();
}

#[tokio::test]
async fn a_reset_token_is_good_once_and_ends_all_sessions() {
    let World { app, clock, .. } = &world().await;
    let session = register(app, account("a@b.org")).await.unwrap();
    let user = session.person.user.id;
    let hash = souk_platform::security::token_hash("token");
    let now = clock.now();
    let stored = app.db.transaction::<_, Error, _, _>(move |tx| async move {
        Ok(resets::insert(&tx, &hash, user, now, now + TimeDelta::hours(1)).await?)
    });
    stored.await.unwrap();
    reset_password(app, "token", "another horse".to_owned()).await.unwrap();
    assert!(matches!(reset_password(app, "token", "third horse".to_owned()).await, Err(Error::BadResetToken)));
    assert!(matches!(refresh(app, &session.refresh_token, None).await, Err(Error::BadRefreshToken)));
    assert!(log_in(app, &Account::Id(Some(user)), PASSWORD.to_owned()).await.is_err());
    log_in(app, &Account::Id(Some(user)), "another horse".to_owned()).await.unwrap();
}

#[tokio::test]
async fn reset_mails_are_limited_and_sent_once_for_each_wish() {
    let World { app, clock, .. } = &world().await;
    let user = register(app, account("a@b.org")).await.unwrap().person.user.id;
    let since = clock.now() - TimeDelta::hours(1);
    let asked = || ResetAsked { email: "A@b.org".to_owned() };
    let first = receipt();
    send_reset(app, asked(), first).await.unwrap();
    send_reset(app, asked(), first).await.unwrap();
    assert_eq!(resets::count_since(app.db.reader(), user, since).await.unwrap(), 1);
    for _ in 0..10 {
        send_reset(app, asked(), receipt()).await.unwrap();
    }
    assert_eq!(resets::count_since(app.db.reader(), user, since).await.unwrap(), 5);
    send_reset(app, ResetAsked { email: "nobody@b.org".to_owned() }, receipt()).await.unwrap();
}

fn shop(name: &str) -> Application {
    Application { name: name.to_owned(), description: String::new() }
}

#[tokio::test]
async fn a_seller_sells_from_its_approval_on() {
    let World { app, .. } = &world().await;
    let user = register(app, account("a@b.org")).await.unwrap().person.user.id;
    let (seller, role) = apply_to_sell(&app.db, user, shop("Tea House"), false).await.unwrap();
    assert_eq!((seller.slug.as_str(), role), ("tea-house", TeamRole::Owner));
    assert!(matches!(apply_to_sell(&app.db, user, shop("Other"), false).await, Err(Error::AlreadyInTeam)));
    let roles = async || users::find_person(app.db.reader(), user).await.unwrap().unwrap().roles();
    assert_eq!(roles().await, [Role::Buyer]);
    review_seller(&app.db, seller.id, SellerAction::Approve, None).await.unwrap();
    assert_eq!(roles().await, [Role::Buyer, Role::Seller]);
    let bob = register(app, account("bob@b.org")).await.unwrap().person.user.id;
    let (second, _) = apply_to_sell(&app.db, bob, shop("Tea  house!"), true).await.unwrap();
    assert_eq!((second.slug.as_str(), second.state), ("tea-house-2", SellerState::Approved));
}

#[tokio::test]
async fn a_team_keeps_an_owner() {
    let World { app, .. } = &world().await;
    let ann = register(app, account("ann@b.org")).await.unwrap().person.user.id;
    let bob = register(app, account("bob@b.org")).await.unwrap().person.user.id;
    let (seller, _) = apply_to_sell(&app.db, ann, shop("Tea"), true).await.unwrap();
    assert!(matches!(remove_member(&app.db, seller.id, ann).await, Err(Error::LastOwner)));
    add_member(&app.db, seller.id, "Bob@b.org".to_owned(), TeamRole::Staff).await.unwrap();
    let twice = add_member(&app.db, seller.id, "bob@b.org".to_owned(), TeamRole::Staff).await;
    assert!(matches!(twice, Err(Error::AlreadyInTeam)));
    assert!(matches!(change_member(&app.db, seller.id, ann, TeamRole::Staff).await, Err(Error::LastOwner)));
    assert_eq!(members::owners(app.db.reader(), seller.id).await.unwrap(), 1);
    change_member(&app.db, seller.id, bob, TeamRole::Owner).await.unwrap();
    remove_member(&app.db, seller.id, ann).await.unwrap();
    assert!(matches!(remove_member(&app.db, seller.id, ann).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_behind_and_its_shop_closes() {
    let World { app, .. } = &world().await;
    let session = register(app, account("ann@b.org")).await.unwrap();
    let ann = session.person.user.id;
    let (seller, _) = apply_to_sell(&app.db, ann, shop("Tea"), true).await.unwrap();
    delete_user(app, ann).await.unwrap();
    assert!(matches!(delete_user(app, ann).await, Err(Error::NotFound(_))));
    assert!(matches!(refresh(app, &session.refresh_token, None).await, Err(Error::BadRefreshToken)));
    let seller = sellers::find(app.db.reader(), seller.id).await.unwrap().unwrap();
    assert_eq!(seller.state, SellerState::Suspended);
    for rule in crate::verify::rules(&app.db).await.unwrap() {
        assert!(rule.holds(), "{rule:?}");
    }
    register(app, account("ann@b.org")).await.unwrap();
}

#[tokio::test]
async fn a_profile_changes_only_in_the_version_that_was_seen() {
    let World { app, .. } = &world().await;
    let user = register(app, account("a@b.org")).await.unwrap().person.user.id;
    let named = |name: &str| ProfileChange { name: Some(name.to_owned()), ..ProfileChange::default() };
    let changed = update_profile(&app.db, user, Some(1), named("Bea")).await.unwrap();
    assert_eq!((changed.user.name.as_str(), changed.user.version), ("Bea", 2));
    assert!(matches!(update_profile(&app.db, user, Some(1), named("Cleo")).await, Err(Error::VersionLost)));
    let kept = update_profile(&app.db, user, None, ProfileChange::default()).await.unwrap();
    assert_eq!(kept.user.name, "Bea");
}

#[tokio::test]
async fn reviews_count_once_each() {
    let World { app, .. } = &world().await;
    let seller = ensure_seller(&app.db, "tea".to_owned(), "Tea".to_owned(), None).await.unwrap();
    assert_eq!(ensure_seller(&app.db, "tea".to_owned(), "x".to_owned(), None).await.unwrap().id, seller.id);
    for (stars, expected) in [
        (Stars::Counted(4), (4, 1)),
        (Stars::Counted(1), (5, 2)),
        (Stars::TakenBack(1), (4, 1)),
        (Stars::Counted(1), (5, 2)),
    ] {
        let receipt = receipt();
        rate_seller(&app.db, seller.id, stars, receipt).await.unwrap();
        rate_seller(&app.db, seller.id, stars, receipt).await.unwrap();
        let seller = sellers::find(app.db.reader(), seller.id).await.unwrap().unwrap();
        assert_eq!((seller.rating_sum, seller.rating_count), expected);
    }
}

#[tokio::test]
async fn lists_go_on_where_the_page_before_ended() {
    let World { app, .. } = &world().await;
    for n in 0..5 {
        register(app, account(&format!("user{n}@b.org"))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut page = souk_kernel::PageQuery { limit: 2, ..souk_kernel::PageQuery::default() };
    let mut seen = Vec::new();
    loop {
        let found = users::list(app.db.reader(), users::Filter::default(), page.clone()).await.unwrap();
        assert_eq!(found.total, 5);
        seen.extend(found.items.into_iter().map(|user| user.email));
        let Some(cursor) = found.next_cursor else { break };
        page.cursor = Some(cursor);
    }
    assert_eq!(seen, [4, 3, 2, 1, 0].map(|n| format!("user{n}@b.org")));
}
