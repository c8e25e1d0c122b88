//! Tables and queries. An order is read as a whole: its row, its parts, its lines.

pub mod address;
pub mod claims;
pub mod history;
pub mod lines;
mod migrations;
pub mod orders;
pub mod pages;
pub mod parts;
pub mod received;
pub mod returns;
mod snapshot;

pub use address::Address;
pub use history::Entry;
pub use migrations::Migrator;
pub use snapshot::snapshot_lines;

use std::collections::HashMap;

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use souk_kernel::{OrderId, SellerOrderId, UserId};

use crate::domain::Lifecycle;

/// An order with its parts and lines, and with its history where that was asked for.
#[derive(Clone, Debug)]
pub struct Order {
    pub row: orders::Model,
    pub parts: Vec<parts::Model>,
    pub lines: Vec<lines::Model>,
    pub history: Vec<history::Model>,
}

impl Order {
    /// The memory that it takes, roughly.
    pub fn size(&self) -> usize {
        let texts: usize = self.lines.iter().map(|line| line.title.len() + line.commission_note.len()).sum();
        size_of::<orders::Model>()
            + 1024
            + size_of_val(&*self.parts)
            + size_of_val(&*self.lines)
            + size_of_val(&*self.history)
            + texts
    }

    /// What its status follows from.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            ending: self.row.ending,
            payment: self.row.payment_status,
            parts: self.parts.iter().map(|part| part.status).collect(),
        }
    }

    /// Where a part stands in it.
    pub fn place_of(&self, part: SellerOrderId) -> Option<usize> {
        self.parts.iter().position(|candidate| candidate.id == part)
    }

    /// The lines of one part.
    pub fn lines_of(&self, part: SellerOrderId) -> impl Iterator<Item = &lines::Model> {
        self.lines.iter().filter(move |line| line.seller_order_id == part)
    }
}

/// Who asks for an order as its buyer: a person with an account, the holder of a guest's order token, or both.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    pub user_id: Option<UserId>,
    pub token_hash: Option<Vec<u8>>,
}

/// Whose orders may be reached.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The buyer's own, as long as they aren't hidden.
    Buyer(Credentials),
    /// All.
    Admin,
}

impl Scope {
    fn condition(&self) -> Condition {
        match self {
            Self::Buyer(buyer) => Condition::all().add(orders::Column::Hidden.eq(false)).add(
                // Without credentials nothing is added to the alternatives, and an empty one must not match everything.
                Condition::any()
                    .add(orders::Column::Id.is_null())
                    .add_option(buyer.user_id.map(|user| orders::Column::UserId.eq(user)))
                    .add_option(buyer.token_hash.clone().map(|hash| orders::Column::TokenHash.eq(hash))),
            ),
            Self::Admin => Condition::all(),
        }
    }
}

/// The order, if it is within `scope`.
pub async fn find_in(conn: &impl ConnectionTrait, id: OrderId, scope: &Scope) -> Result<Option<orders::Model>, DbErr> {
    orders::Entity::find_by_id(id).filter(scope.condition()).one(conn).await
}

/// The whole order, if it is within `scope`.
pub async fn load_in(conn: &impl ConnectionTrait, id: OrderId, scope: &Scope) -> Result<Option<Order>, DbErr> {
    match find_in(conn, id, scope).await? {
        Some(row) => complete(conn, row).await.map(Some),
        None => Ok(None),
    }
}

/// The order of `row`, without its history.
pub async fn complete(conn: &impl ConnectionTrait, row: orders::Model) -> Result<Order, DbErr> {
    let parts = parts::of_order(conn, row.id).await?;
    let lines = lines::of_order(conn, row.id).await?;
    Ok(Order { row, parts, lines, history: Vec::new() })
}

/// The order of `row`, with its history.
pub async fn complete_with_history(conn: &impl ConnectionTrait, row: orders::Model) -> Result<Order, DbErr> {
    let history = history::of_order(conn, row.id).await?;
    Ok(Order { history, ..complete(conn, row).await? })
}

/// The orders of `rows` with their histories, in as many queries as for one.
pub async fn complete_all(conn: &impl ConnectionTrait, rows: Vec<orders::Model>) -> Result<Vec<Order>, DbErr> {
    let ids: Vec<OrderId> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = grouped(parts::of_orders(conn, ids.clone()).await?, |part| part.order_id);
    let mut lines = grouped(lines::of_orders(conn, ids.clone()).await?, |line| line.order_id);
    let mut history = grouped(history::of_orders(conn, ids).await?, |entry| entry.order_id);
    let mut take = |row: orders::Model| Order {
        parts: parts.remove(&row.id).unwrap_or_default(),
        lines: lines.remove(&row.id).unwrap_or_default(),
        history: history.remove(&row.id).unwrap_or_default(),
        row,
    };
    Ok(rows.into_iter().map(&mut take).collect())
}

fn grouped<T>(rows: Vec<T>, order: impl Fn(&T) -> OrderId) -> HashMap<OrderId, Vec<T>> {
    let mut groups: HashMap<OrderId, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(order(&row)).or_default().push(row);
    }
    groups
}
