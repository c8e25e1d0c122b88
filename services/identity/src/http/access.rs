//! Who may see which account and which shop. A token proves who somebody was when it was made; here it is looked up who
//! they are now.

use souk_kernel::{Problem, SellerId, UserId};
use souk_platform::security::{Permission, Principal, TeamRole};

use crate::{
    app::App,
    domain::AccountStatus,
    error::Error,
    store::{members, sellers, sessions, users},
};

/// The caller's own account; 401 when it is closed or the session has ended, although the token lives on.
pub async fn current(app: &App, principal: &Principal) -> Result<users::Person, Error> {
    let conn = app.db.reader();
    let session = sessions::find_live(conn, principal.session_id, principal.user_id, app.db.clock().now()).await?;
    let person = match session {
        Some(_) => users::find_person(conn, principal.user_id).await?,
        None => None,
    };
    let active = person.filter(|person| person.user.status == AccountStatus::Active);
    active.ok_or_else(|| Problem::unauthenticated("the session has ended").into())
}

/// Lets pass the account's owner and the operator; for anybody else there is no such account.
pub async fn owner_or_operator(app: &App, principal: &Principal, id: UserId) -> Result<(), Error> {
    let me = current(app, principal).await?.user;
    if me.id == id || me.is_admin { Ok(()) } else { Err(Error::NotFound("user")) }
}

/// The seller as this caller sees it, and whether they belong to it.
pub struct Seen {
    pub seller: sellers::Model,
    pub team_role: Option<TeamRole>,
    pub is_operator: bool,
}

impl Seen {
    /// Whether they see what only the team and the operator may.
    pub fn is_inside(&self) -> bool {
        self.team_role.is_some() || self.is_operator
    }

    /// 403 unless they may do this to the seller.
    pub fn require(&self, permission: Permission) -> Result<(), Error> {
        if self.is_operator || self.team_role.is_some_and(|role| role.may(permission)) {
            Ok(())
        } else {
            Err(Error::Forbidden("only its team may do this, each in their role"))
        }
    }
}

/// The seller with this id or slug. One that was not let in yet is there only for its team and the operator.
pub async fn seller(app: &App, name: &str, caller: Option<&Principal>) -> Result<Seen, Error> {
    let conn = app.db.reader();
    let found = match name.parse::<SellerId>() {
        Ok(id) => sellers::find(conn, id).await?,
        Err(_) => sellers::find_by_slug(conn, name).await?,
    };
    let seller = found.ok_or(Error::NotFound("seller"))?;
    let mut seen = Seen { seller, team_role: None, is_operator: false };
    if let Some(caller) = caller {
        let me = users::find(conn, caller.user_id).await?.filter(|me| me.status == AccountStatus::Active);
        if let Some(me) = me {
            seen.is_operator = me.is_admin;
            let member = members::find_in_team(conn, seen.seller.id, me.id).await?;
            seen.team_role = member.map(|member| member.role.0);
        }
    }
    if seen.seller.state.sells() || seen.is_inside() { Ok(seen) } else { Err(Error::NotFound("seller")) }
}
