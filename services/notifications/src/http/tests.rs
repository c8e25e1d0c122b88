//! The routes fit together. Each rule of the interface has its own tests outside.

use souk_contracts::identity::identity_client::IdentityClient;
use souk_kernel::Clock;
use souk_platform::{
    db::Database,
    rpc::{Directory, Policy},
};

use crate::{Config, Deps, Migrator};

#[tokio::test]
async fn every_path_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let url = souk_platform::db::testing::url(folder.path(), "notifications").await;
    let db = Database::open::<Migrator>("notifications", &url, Clock::system()).await.unwrap();
    let identity = IdentityClient::new(Directory::new().channel("notifications", "identity", Policy::default()));
    let service =
        crate::service(Deps { config: Config::default(), db, identity, public_url: String::new() }).await.unwrap();
    let (_, document) = service.routes.split_for_parts();
    let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
    let expected = [
        "/notifications",
        "/notifications/read",
        "/notifications/{id}/read",
        "/notifications/preferences",
        "/admin/mail",
        "/admin/notifications/deliveries",
        "/admin/notifications/deliveries/{id}/retry",
    ];
    assert_eq!(paths, expected);
    assert_eq!(service.consumers.kinds().count(), 11);
}
