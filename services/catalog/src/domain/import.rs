//! Which lines of an import can be taken. The limits are wider than those of the HTTP interface: a feed must come in whole.

use souk_kernel::Detail;

use super::{
    attributes::{self, Attributes, OF_IMPORTS, Schema},
    image,
};

/// Characters in a title (the longest known feed has 259).
pub const TITLE: usize = 500;
const DESCRIPTION: usize = 20_000;
const EXTERNAL_ID: usize = 100;
const CODE: usize = 100;
const PRICE: i64 = 1_000_000_000_000;
const STOCK: i64 = 1_000_000_000;

/// One product of an import.
#[derive(Clone, Debug)]
pub struct Line {
    pub external_id: String,
    pub title: String,
    pub description: String,
    pub price: i64,
    pub stock: i64,
    pub attributes: Attributes,
    pub images: Vec<String>,
    pub code: String,
}

/// The first thing that is wrong with a line, as `field: what`.
pub fn refusal(line: &Line, schema: &Schema) -> Option<String> {
    let said = |field: &str, message: String| Some(format!("{field}: {message}"));
    for (field, text, most) in [
        ("external_id", &line.external_id, EXTERNAL_ID),
        ("title", &line.title, TITLE),
        ("code", &line.code, CODE),
        ("description", &line.description, DESCRIPTION),
    ] {
        let least = usize::from(field != "description");
        if !(least..=most).contains(&text.trim().chars().count()) || text.contains('\0') {
            return said(field, format!("must have {least} to {most} characters and no NUL"));
        }
    }
    if !(0..=PRICE).contains(&line.price) {
        return said("price", format!("must be between 0 and {PRICE}"));
    }
    if !(0..=STOCK).contains(&line.stock) {
        return said("stock", format!("must be between 0 and {STOCK}"));
    }
    if line.images.len() > image::MOST {
        return said("images", format!("at most {}", image::MOST));
    }
    if let Some((index, fault)) =
        line.images.iter().enumerate().find_map(|(index, url)| image::fault(url, "").map(|fault| (index, fault)))
    {
        return said(&format!("images[{index}]"), fault.to_owned());
    }
    let fault = attributes::faults(&line.attributes, schema, &OF_IMPORTS).into_iter().next();
    fault.and_then(|Detail { field, message }| said(&field, message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Line {
        Line {
            external_id: "1".into(),
            title: "T".repeat(259),
            description: String::new(),
            price: 4_351_995,
            stock: 100,
            attributes: (0..186).map(|n| (format!("attr_{n}"), json!("x".repeat(6_898)))).collect(),
            images: vec!["http://images.example/a.jpg".into()],
            code: "1".into(),
        }
    }

    #[test]
    fn the_largest_known_line_is_taken_and_faults_are_named() {
        let schema = Schema::new();
        assert_eq!(refusal(&line(), &schema), None);
        let cases: [(&str, Line); 5] = [
            ("title", Line { title: " ".into(), ..line() }),
            ("external_id", Line { external_id: String::new(), ..line() }),
            ("price", Line { price: -1, ..line() }),
            ("stock", Line { stock: i64::MAX, ..line() }),
            ("images[0]", Line { images: vec!["x".into()], ..line() }),
        ];
        for (field, line) in cases {
            assert!(refusal(&line, &schema).unwrap().starts_with(&format!("{field}: ")), "{field}");
        }
    }
}
