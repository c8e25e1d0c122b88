//! Commission rules: made, changed by a new version, taken out of force. Versions that were in force stay to be read.

use souk_kernel::{CommissionRuleId, Timestamp};
use souk_platform::db::Database;

use crate::{
    app::App,
    domain::commission::{Components, Scope},
    error::Error,
    store::{CommissionRule, rules},
};

/// Stands in `created_by` of versions of the default rule that come from the configuration.
const BY_CONFIGURATION: &str = "configuration";

fn version(
    id: CommissionRuleId,
    version: i64,
    scope: Scope,
    components: Components,
    by: String,
    at: Timestamp,
) -> CommissionRule {
    CommissionRule {
        id,
        version,
        seller_id: scope.seller,
        category_id: scope.category,
        basis_points: components.basis_points,
        fixed_per_unit: components.fixed_per_unit,
        floor: components.floor,
        cap: components.cap,
        fee_tax_basis_points: components.fee_tax_basis_points,
        currency: components.currency,
        live_scope: Some(rules::scope_key(scope)),
        created_by: by,
        created_at: at,
    }
}

/// Makes a rule for a scope that has none.
pub async fn create_rule(app: &App, scope: Scope, components: Components, by: String) -> Result<CommissionRule, Error> {
    let made = app
        .db
        .transaction(move |tx| async move {
            if rules::for_scope(&tx, scope).await?.is_some() {
                return Err(Error::RuleExists);
            }
            let rule = version(CommissionRuleId::new(), 1, scope, components, by, tx.now());
            rules::insert(&tx, rule.clone()).await?;
            Ok(rule)
        })
        .await?;
    app.rules_changed().await;
    Ok(made)
}

/// Puts a new version of a rule in force. `seen` is the version that the operator looked at, if they say.
pub async fn change_rule(
    app: &App,
    id: CommissionRuleId,
    seen: Option<i64>,
    change: impl FnOnce(Components) -> Result<Components, Error> + Clone + Send + 'static,
    by: String,
) -> Result<CommissionRule, Error> {
    let changed = app
        .db
        .transaction(move |tx| async move {
            let current = current(rules::versions(&tx, id).await?, seen)?;
            let components = change(current.components())?;
            if !rules::retire(&tx, id, current.version).await? {
                return Err(Error::VersionLost);
            }
            let next = version(id, current.version + 1, current.scope(), components, by, tx.now());
            rules::insert(&tx, next.clone()).await?;
            Ok(next)
        })
        .await?;
    app.rules_changed().await;
    Ok(changed)
}

/// Takes a rule out of force. The default rule stays: there is always a reason for a fee.
pub async fn delete_rule(app: &App, id: CommissionRuleId, seen: Option<i64>) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            let current = current(rules::versions(&tx, id).await?, seen)?;
            if current.scope() == Scope::default() {
                return Err(Error::DefaultRule);
            }
            if rules::retire(&tx, id, current.version).await? { Ok(()) } else { Err(Error::VersionLost) }
        })
        .await?;
    app.rules_changed().await;
    Ok(())
}

fn current(versions: Vec<CommissionRule>, seen: Option<i64>) -> Result<CommissionRule, Error> {
    let current = versions
        .into_iter()
        .next()
        .filter(|newest| newest.live_scope.is_some())
        .ok_or(Error::NotFound("commission rule"))?;
    if seen.is_some_and(|seen| seen != current.version) { Err(Error::VersionLost) } else { Ok(current) }
}

/// Makes sure that there is a default rule, as the configuration says until an operator has changed it.
pub async fn ensure_default_rule(db: &Database, basis_points: i64) -> Result<(), Error> {
    let fits = move |rule: &CommissionRule| rule.created_by != BY_CONFIGURATION || rule.basis_points == basis_points;
    if rules::for_scope(db.reader(), Scope::default()).await?.is_some_and(|rule| fits(&rule)) {
        return Ok(());
    }
    db.transaction(move |tx| async move {
        let current = rules::for_scope(&tx, Scope::default()).await?;
        if current.as_ref().is_some_and(fits) {
            return Ok(());
        }
        let id = CommissionRuleId::derived("default");
        let next = match &current {
            Some(current) => {
                rules::retire(&tx, current.id, current.version).await?;
                current.version + 1
            }
            None => 1,
        };
        let components = Components { basis_points, ..Components::default() };
        let rule = version(id, next, Scope::default(), components, BY_CONFIGURATION.to_owned(), tx.now());
        rules::insert(&tx, rule).await?;
        Ok(())
    })
    .await
}
