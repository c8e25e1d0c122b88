//! The number by which people call an order.

use souk_kernel::OrderId;

/// For example `S-SKNK-084S-N02Q`: the last twelve characters of the id, 60 random bits, in capitals. Their alphabet has
/// no I, L, O or U to misread.
pub fn of(id: OrderId) -> String {
    let text = id.to_string().to_ascii_uppercase();
    let tail = &text[text.len() - 12..];
    format!("S-{}-{}-{}", &tail[..4], &tail[4..8], &tail[8..])
}

#[cfg(test)]
mod tests {
    use souk_kernel::TypedId;

    use super::*;

    #[test]
    fn a_number_is_short_and_belongs_to_one_order() {
        let id = OrderId::from_uuid("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap());
        assert_eq!(of(id), "S-SKNK-084S-N02Q");
        assert_ne!(of(OrderId::new()), of(OrderId::new()));
    }
}
