//! The calls that inventory answers.

use souk_contracts::inventory::{
    CommitReply, CommitRequest, Level, LevelsReply, LevelsRequest, Line, OpenReply, OpenRequest, ReleaseReply,
    ReleaseRequest, ReserveReply, ReserveRequest, RestockReply, RestockRequest, SetOnHandReply, SetOnHandRequest,
    Shortage, inventory_server::Inventory,
};
use souk_kernel::{OrderId, Problem, SkuId, Timestamp, TypedId};
use tonic::{Request, Response, Status, async_trait};

use crate::{
    app::State,
    domain::{Demand, MOST_UNITS, Totals, reservation},
    error::Error,
    operations::{self, Change, Opening, Outcome, SetStock},
};

/// Answers calls.
pub struct Calls(pub State);

#[async_trait]
impl Inventory for Calls {
    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<OpenReply>, Status> {
        let openings = request.into_inner().levels.into_iter().enumerate().map(|(line, level)| {
            Ok(Opening {
                sku_id: id(format!("levels[{line}].sku_id"), &level.sku_id)?,
                seller_id: id(format!("levels[{line}].seller_id"), &level.seller_id)?,
                on_hand: units(format!("levels[{line}].on_hand"), level.on_hand)?,
            })
        });
        let openings = openings.collect::<Result<_, Error>>()?;
        operations::open(&self.0, openings).await?;
        Ok(Response::new(OpenReply {}))
    }

    async fn set_on_hand(&self, request: Request<SetOnHandRequest>) -> Result<Response<SetOnHandReply>, Status> {
        let request = request.into_inner();
        let change = SetStock {
            sku_id: id("sku_id", &request.sku_id)?,
            seller_id: id("seller_id", &request.seller_id)?,
            location: None,
            change: Change::OnHand(units("on_hand", request.on_hand)?),
            seen: None,
            open: true,
            reason: (!request.reason.is_empty()).then(|| request.reason.chars().take(200).collect()),
            actor: "catalog".to_owned(),
        };
        let (stock, _) = operations::set_stock(&self.0, change).await?;
        Ok(Response::new(SetOnHandReply { level: Some(level(stock.totals())) }))
    }

    async fn levels(&self, request: Request<LevelsRequest>) -> Result<Response<LevelsReply>, Status> {
        // What is no id is no SKU: left out like any other unknown one.
        let sku_ids: Vec<SkuId> = request.into_inner().sku_ids.iter().filter_map(|text| text.parse().ok()).collect();
        let levels = self.0.levels.of(&self.0.db, &sku_ids).await.map_err(Error::from)?;
        Ok(Response::new(LevelsReply { levels: levels.into_iter().map(level).collect() }))
    }

    async fn reserve(&self, request: Request<ReserveRequest>) -> Result<Response<ReserveReply>, Status> {
        let ReserveRequest { order_id, lines, expires_at_ms } = request.into_inner();
        let order_id = order(&order_id)?;
        let expires_at = Timestamp::from_timestamp_millis(expires_at_ms).ok_or_else(|| {
            Error::from(Problem::invalid("expires_at_ms", "must be a time in milliseconds since 1970"))
        })?;
        let outcome = operations::reserve(&self.0, order_id, demand(lines)?, expires_at).await?;
        let shortages = match outcome {
            Outcome::Held => return Ok(Response::new(ReserveReply { reserved: true, shortages: Vec::new() })),
            Outcome::Short(shortages) => shortages.into_iter().map(|short| Shortage {
                sku_id: short.sku_id.to_string(),
                requested: short.requested,
                available: short.available,
            }),
        };
        Ok(Response::new(ReserveReply { reserved: false, shortages: shortages.collect() }))
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Result<Response<CommitReply>, Status> {
        let committed = operations::commit(&self.0, order(&request.into_inner().order_id)?).await?;
        Ok(Response::new(CommitReply { committed }))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseReply>, Status> {
        let ReleaseRequest { order_id, reason } = request.into_inner();
        let reason = reason.chars().take(200).collect();
        let released = operations::release(&self.0, order(&order_id)?, reason).await?;
        Ok(Response::new(ReleaseReply { released }))
    }

    async fn restock(&self, request: Request<RestockRequest>) -> Result<Response<RestockReply>, Status> {
        let RestockRequest { order_id, reference, lines } = request.into_inner();
        if reference.is_empty() || reference.chars().count() > 200 {
            return Err(Error::from(Problem::invalid("reference", "must have 1 to 200 characters")).into());
        }
        let lines = if lines.is_empty() { None } else { Some(demand(lines)?) };
        operations::restock(&self.0, order(&order_id)?, reference, lines).await?;
        Ok(Response::new(RestockReply {}))
    }
}

fn id<I: TypedId>(field: impl Into<String>, text: &str) -> Result<I, Error> {
    text.parse().map_err(|error: souk_kernel::ParseIdError| Error::from(Problem::invalid(field, error.to_string())))
}

fn order(text: &str) -> Result<OrderId, Error> {
    id("order_id", text)
}

fn units(field: impl Into<String>, units: i64) -> Result<i64, Error> {
    if (0..=MOST_UNITS).contains(&units) {
        Ok(units)
    } else {
        Err(Problem::invalid(field, format!("must be 0 to {MOST_UNITS}")).into())
    }
}

fn demand(lines: Vec<Line>) -> Result<Demand, Error> {
    let lines = lines.iter().enumerate().map(|(line, wanted)| {
        id(format!("lines[{line}].sku_id"), &wanted.sku_id).map(|sku_id| (sku_id, wanted.quantity))
    });
    let lines: Vec<(SkuId, i64)> = lines.collect::<Result<_, Error>>()?;
    Ok(reservation::demand(lines.into_iter())?)
}

fn level(totals: Totals) -> Level {
    Level {
        sku_id: totals.sku_id.to_string(),
        on_hand: totals.on_hand,
        reserved: totals.reserved,
        available: totals.available(),
        version: totals.version,
    }
}
