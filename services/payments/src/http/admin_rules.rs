//! Commission rules.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};
use souk_kernel::{Actor, CategoryId, CommissionRuleId, Currency, ErrorKind, Problem, SellerId};
use souk_platform::{
    http::{
        Body, Failure, IfMatch, List, NoContent, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::views::CommissionRule;
use crate::{
    app::AppState,
    domain::commission::{Components, Line, Scope},
    error::Error,
    operations::change_rules::{change_rule, create_rule, delete_rule},
    store::rules,
};

/// The largest amount in a rule and of a line: no fee overflows.
const MAX: i64 = 1_000_000_000_000;

/// What to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    seller_id: Option<SellerId>,
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    category_id: Option<CategoryId>,
}

/// The rules in force, newest first.
#[utoipa::path(get, path = "/admin/commission-rules", tag = "payments", params(Search, Paging),
    security(("bearer" = [])), responses((status = 200, body = ListEnvelope<CommissionRule>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<CommissionRule>, Error> {
    let filter = rules::Filter { seller: search.seller_id, category: search.category_id };
    let page = rules::list(&app.db.copies().await, filter, &page).await?;
    Ok(List(page.map(CommissionRule::from)))
}

/// A rule for a seller, a category, or both.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    #[garde(skip)]
    seller_id: Option<SellerId>,
    #[garde(skip)]
    category_id: Option<CategoryId>,
    /// Hundredths of a percent.
    #[garde(range(min = 0, max = 10_000))]
    basis_points: i64,
    /// For each unit, in the smallest unit of `currency`.
    #[serde(default)]
    #[garde(range(min = 0, max = MAX))]
    fixed_per_unit: i64,
    #[serde(default)]
    #[garde(range(min = 0, max = MAX))]
    floor: i64,
    #[garde(range(min = 0, max = MAX))]
    cap: Option<i64>,
    /// Tax on the fee, in hundredths of a percent.
    #[serde(default)]
    #[garde(range(min = 0, max = 10_000))]
    fee_tax_basis_points: i64,
    /// Needed with `fixed_per_unit`, `floor` or `cap`.
    #[garde(skip)]
    currency: Option<Currency>,
}

/// Refuses components that contradict each other.
fn sound(components: Components) -> Result<Components, Error> {
    let mut problem = Problem::new(ErrorKind::Invalid, "invalid", "some fields are not acceptable");
    if components.has_amounts() && components.currency.is_none() {
        problem = problem.detail("currency", "is needed with fixed_per_unit, floor or cap");
    }
    if components.cap.is_some_and(|cap| cap < components.floor) {
        problem = problem.detail("cap", "must not be less than floor");
    }
    if problem.details.is_empty() { Ok(components) } else { Err(problem.into()) }
}

/// Makes a rule. Of several that fit a line the most specific one counts alone.
#[utoipa::path(post, path = "/admin/commission-rules", tag = "payments", request_body = NewRule,
    security(("bearer" = [])), responses((status = 201, body = Envelope<CommissionRule>), Failure))]
pub async fn create(
    State(app): State<AppState>,
    Admin(operator): Admin,
    Body(form): Body<NewRule>,
) -> Result<Reply<CommissionRule>, Error> {
    let components = sound(Components {
        basis_points: form.basis_points,
        fixed_per_unit: form.fixed_per_unit,
        floor: form.floor,
        cap: form.cap,
        fee_tax_basis_points: form.fee_tax_basis_points,
        currency: form.currency,
    })?;
    let scope = Scope { seller: form.seller_id, category: form.category_id };
    let rule = create_rule(&app, scope, components, Actor::Admin(operator.user_id).to_string()).await?;
    let version = rule.version;
    Ok(Reply::created(rule.into()).etag(version))
}

/// A rule with its versions, newest first.
#[derive(Serialize, ToSchema)]
pub struct RuleFile {
    #[serde(flatten)]
    rule: CommissionRule,
    versions: Vec<CommissionRule>,
}

/// A rule, in force or not any more.
#[utoipa::path(get, path = "/admin/commission-rules/{id}", tag = "payments",
    params(("id" = CommissionRuleId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<RuleFile>), Failure))]
pub async fn show(
    State(app): State<AppState>,
    _: Support,
    PathId(id): PathId<CommissionRuleId>,
) -> Result<Reply<RuleFile>, Error> {
    let versions = rules::versions(app.db.reader(), id).await?;
    let newest = versions.first().cloned().ok_or(Error::NotFound("commission rule"))?;
    let version = newest.version;
    let file = RuleFile { rule: newest.into(), versions: versions.into_iter().map(Into::into).collect() };
    Ok(Reply::ok(file).etag(version))
}

/// What should be otherwise; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    #[garde(range(min = 0, max = 10_000))]
    basis_points: Option<i64>,
    #[garde(range(min = 0, max = MAX))]
    fixed_per_unit: Option<i64>,
    #[garde(range(min = 0, max = MAX))]
    floor: Option<i64>,
    /// `null` takes the cap away.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<i64>)]
    #[garde(custom(in_range))]
    cap: Cap,
    #[garde(range(min = 0, max = 10_000))]
    fee_tax_basis_points: Option<i64>,
    #[garde(skip)]
    currency: Option<Currency>,
    /// The version that was looked at, as with `If-Match`.
    #[garde(skip)]
    version: Option<i64>,
}

/// What to do with the cap.
#[derive(Clone, Copy, Default)]
enum Cap {
    /// It wasn't named.
    #[default]
    Keep,
    Set(i64),
    Remove,
}

fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cap, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Cap::Remove, Cap::Set))
}

fn in_range<C>(cap: &Cap, _: &C) -> garde::Result {
    match cap {
        Cap::Set(amount) if !(0..=MAX).contains(amount) => Err(garde::Error::new(format!("must be 0 to {MAX}"))),
        _ => Ok(()),
    }
}

impl RuleChange {
    fn apply(&self, old: Components) -> Components {
        Components {
            basis_points: self.basis_points.unwrap_or(old.basis_points),
            fixed_per_unit: self.fixed_per_unit.unwrap_or(old.fixed_per_unit),
            floor: self.floor.unwrap_or(old.floor),
            cap: match self.cap {
                Cap::Keep => old.cap,
                Cap::Set(amount) => Some(amount),
                Cap::Remove => None,
            },
            fee_tax_basis_points: self.fee_tax_basis_points.unwrap_or(old.fee_tax_basis_points),
            currency: self.currency.or(old.currency),
        }
    }
}

/// Puts a new version of a rule in force. Lines that were priced keep the version by which they were.
#[utoipa::path(method(put, patch), path = "/admin/commission-rules/{id}", tag = "payments", request_body = RuleChange,
    params(("id" = CommissionRuleId, Path), IfMatch), security(("bearer" = [])),
    responses((status = 200, body = Envelope<CommissionRule>), Failure))]
pub async fn change(
    State(app): State<AppState>,
    Admin(operator): Admin,
    PathId(id): PathId<CommissionRuleId>,
    IfMatch(tag): IfMatch,
    Body(form): Body<RuleChange>,
) -> Result<Reply<CommissionRule>, Error> {
    let seen = tag.or(form.version);
    let by = Actor::Admin(operator.user_id).to_string();
    let form = std::sync::Arc::new(form);
    let rule = change_rule(&app, id, seen, move |old| sound(form.apply(old)), by).await?;
    let version = rule.version;
    Ok(Reply::ok(rule.into()).etag(version))
}

/// Takes a rule out of force. Its versions stay to be read.
#[utoipa::path(delete, path = "/admin/commission-rules/{id}", tag = "payments",
    params(("id" = CommissionRuleId, Path), IfMatch), security(("bearer" = [])),
    responses((status = 204, description = "Done"), Failure))]
pub async fn delete(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<CommissionRuleId>,
    IfMatch(seen): IfMatch,
) -> Result<NoContent, Error> {
    delete_rule(&app, id, seen).await?;
    Ok(NoContent)
}

/// A line that somebody wonders about.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[garde(skip)]
    seller_id: SellerId,
    /// Most specific first.
    #[garde(length(max = 50))]
    #[serde(default)]
    category_ids: Vec<CategoryId>,
    #[garde(range(min = 0, max = MAX))]
    amount: i64,
    #[garde(range(min = 1, max = 1_000_000))]
    quantity: i64,
    #[garde(skip)]
    currency: Option<Currency>,
}

/// What would be taken, and why.
#[derive(Serialize, ToSchema)]
pub struct Explanation {
    amount: i64,
    currency: Currency,
    rule_id: Option<CommissionRuleId>,
    rule_version: Option<i64>,
    /// For people.
    #[serde(rename = "explanation")]
    why: String,
}

/// Why this fee: what the rules in force take of a line.
#[utoipa::path(post, path = "/admin/commission-rules/explain", tag = "payments", request_body = Question,
    security(("bearer" = [])), responses((status = 200, body = Envelope<Explanation>), Failure))]
pub async fn explain(
    State(app): State<AppState>,
    _: Support,
    Body(question): Body<Question>,
) -> Result<Reply<Explanation>, Error> {
    let currency = question.currency.unwrap_or(app.currency);
    let line = Line {
        seller: question.seller_id,
        categories: &question.category_ids,
        amount: question.amount,
        quantity: question.quantity,
        currency,
    };
    let fee = app.rules().await?.fee(&line).map_err(|error| Problem::invalid("amount", error.to_string()))?;
    Ok(Reply::ok(match fee {
        Some(fee) => Explanation {
            amount: fee.amount,
            currency,
            rule_id: Some(fee.rule),
            rule_version: Some(fee.version),
            why: fee.explanation,
        },
        None => {
            Explanation { amount: 0, currency, rule_id: None, rule_version: None, why: "no rule applies".to_owned() }
        }
    }))
}
