//! Somebody changes their profile.

use souk_kernel::UserId;
use souk_platform::db::Database;

use crate::{
    domain::{Address, Removable},
    error::Error,
    store::users::{self, Addresses, Person, Preferences},
};

/// The fields to replace; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub phone: Removable<String>,
    pub locale: Option<String>,
    pub preferences: Option<serde_json::Map<String, serde_json::Value>>,
    pub addresses: Option<Vec<Address>>,
}

impl ProfileChange {
    fn apply(self, user: &mut users::Model) {
        let Self { name, phone, locale, preferences, addresses } = self;
        if let Some(name) = name {
            user.name = name;
        }
        phone.apply(&mut user.phone);
        if let Some(locale) = locale {
            user.locale = locale;
        }
        if let Some(preferences) = preferences {
            user.preferences = Preferences(preferences);
        }
        if let Some(addresses) = addresses {
            user.addresses = Addresses(addresses);
        }
    }
}

/// Replaces the named fields; with `if_match`, only of that version.
pub async fn update_profile(
    db: &Database,
    id: UserId,
    if_match: Option<i64>,
    change: ProfileChange,
) -> Result<Person, Error> {
    db.transaction(move |tx| async move {
        let mut person = users::find_person(&tx, id).await?.ok_or(Error::NotFound("user"))?;
        super::seen(person.user.version, if_match)?;
        change.apply(&mut person.user);
        super::saved(users::save(&tx, &mut person.user, tx.now()).await?)?;
        Ok(person)
    })
    .await
}
