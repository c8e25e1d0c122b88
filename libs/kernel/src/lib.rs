//! Words that every service shares: ids, money, errors, pages, the clock and who is acting.
//!
//! Nothing here does I/O. The only outside types are those that let an id or an amount stand in a database column and
//! in the `OpenAPI` document.

pub mod actor;
pub mod clock;
pub mod error;
pub mod id;
pub mod money;
pub mod page;
pub mod text;

pub use actor::Actor;
pub use clock::{Clock, Timestamp};
pub use error::{Detail, ErrorKind, Problem};
pub use id::*;
pub use money::{Currency, Money, MoneyError};
pub use page::{Page, PageQuery};
