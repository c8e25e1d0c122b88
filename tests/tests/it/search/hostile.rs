//! Whatever is typed, there is an answer.

use std::fmt::Write;

use souk_tests::Market;

use super::finds;

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        write!(all, "%{byte:02X}").expect("a string takes everything");
        all
    })
}

#[tokio::test]
async fn any_text_gets_an_answer() {
    let market = Market::start().await;
    market.seller("Tea House").await.lists("Teapot", 2500, 5).await;
    finds(&market, "q=teapot", &["Teapot"]).await;
    let texts = [
        "",
        " ",
        "the",
        "the of and",
        "🎧",
        "🎧 teapot 🫖",
        "\"",
        "\"teapot",
        "+teapot -cup",
        "teapot AND (cup OR",
        "title:teapot",
        "teapot~2^8",
        "*",
        "tea*",
        "?",
        "[a TO b]",
        "{}",
        "\\",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%",
        "_",
        "\u{202e}topaet",
        "e\u{301}\u{301}\u{301}",
        "\u{fdfa}",
        "\u{1f1e9}\u{1f1ea}",
        "a\tb\r\nc",
        "ｔｅａｐｏｔ",
        "茶壺",
        "1e999",
        "-0",
        "NaN",
        "4 gb",
        "15.6\"",
        "kid's",
        "''''",
        "a-b-c-d-e-f-g-h",
        "a.b.c",
        "////",
        "xn--",
        "\u{200b}",
        "\u{7f}",
    ];
    for text in texts {
        for path in ["/search?q=", "/search/suggest?q="] {
            let answer = market.client.get(&format!("{path}{}", encoded(text))).await;
            assert_eq!(answer.status.as_u16(), 200, "{path}{text}");
        }
    }
    let long = market.client.get(&format!("/search?q={}", "teapot+".repeat(1_430))).await;
    assert_eq!(long.ok()["total"], 1, "ten thousand characters");
    let cut = market.client.get(&format!("/search?q={}", "teapot".repeat(1_000))).await;
    assert_eq!(cut.ok()["total"], 0);
    let both = market.client.get(&format!("/search?q={}", encoded("🎧 teapot"))).await.ok();
    assert_eq!(both["total"], 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn bad_pages_and_cursors_are_refused_by_name() {
    let market = Market::start().await;
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("offset=-1", "offset"), ("cursor=abc", "cursor")]
    {
        market.client.get(&format!("/search?q=a&{query}")).await.malformed(&[field]);
    }
    assert_eq!(market.client.get("/search?q=a&offset=9000000000").await.ok()["total"], 0);
    market.ends_clean().await;
}
