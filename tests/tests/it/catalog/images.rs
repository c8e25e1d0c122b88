//! Uploading images.

use image::ImageFormat;
use reqwest::multipart::{Form, Part};
use souk_tests::{
    Answer, Market, Seller, Thing,
    pictures::{fake_png, jpeg, picture, png, png_bomb},
};

fn form(files: Vec<(&str, Vec<u8>)>) -> Form {
    files
        .into_iter()
        .fold(Form::new(), |form, (name, bytes)| form.part("file", Part::bytes(bytes).file_name(name.to_owned())))
}

async fn uploads(seller: &Seller, product: &Thing, files: Vec<(&str, Vec<u8>)>) -> Answer {
    seller.client.post_empty(&format!("/products/{}/images", product.id())).form(form(files)).await
}

fn images(answer: &Answer) -> Vec<String> {
    let data = answer.data();
    let images = if data.is_array() { &data.0 } else { &data["images"] };
    images.as_array().expect("a list").iter().map(|image| image.as_str().expect("an address").to_owned()).collect()
}

#[tokio::test]
async fn pictures_are_served_as_webp_by_their_content() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let webp = picture(40, 30, ImageFormat::WebP);
    let answer = uploads(&seller, &teapot, vec![("a.png", png()), ("b.jpg", jpeg()), ("c.webp", webp)]).await;
    let addresses = images(&answer);
    assert_eq!(addresses.len(), 3);
    for address in &addresses {
        let path = &address[address.find("/images/").unwrap()..];
        let picture = market.client.at_root().get(path).await.is(200);
        assert_eq!(picture.text_header("content-type"), "image/webp");
        assert!(picture.text_header("cache-control").contains("immutable"));
        assert_eq!(image::guess_format(&picture.bytes).unwrap(), ImageFormat::WebP);
    }
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!(shown["images"], serde_json::json!(addresses));
    // The same picture again has the same address.
    let again = uploads(&seller, &teapot, vec![("z.png", png())]).await;
    assert!(images(&again).iter().filter(|address| **address == addresses[0]).count() >= 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn large_pictures_are_made_smaller() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let answer = uploads(&seller, &teapot, vec![("wide.png", picture(2000, 100, ImageFormat::Png))]).await;
    let address = &images(&answer)[0];
    let bytes = market.client.at_root().get(&address[address.find("/images/").unwrap()..]).await.is(200).bytes;
    let small = image::load_from_memory(&bytes).unwrap();
    assert_eq!((small.width(), small.height()), (1600, 80));
    market.ends_clean().await;
}

#[tokio::test]
async fn what_only_pretends_to_be_a_picture_is_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cut = png()[..60].to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let gif = b"GIF89a\x01\x00\x01\x00\x00\xff\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00;".to_vec();
    for (name, bytes) in [
        ("fake.png", fake_png()),
        ("script.png", b"<script>".to_vec()),
        ("bomb.png", png_bomb()),
        ("cut.png", cut),
        ("image.svg", svg),
        ("image.gif", gif),
        ("empty.png", Vec::new()),
    ] {
        let answer = uploads(&seller, &teapot, vec![(name, bytes)]).await;
        assert!([413, 415, 422].contains(&answer.status.as_u16()), "{name}: {answer}");
    }
    // One bad file among good ones: nothing is kept.
    let answer = uploads(&seller, &teapot, vec![("a.png", png()), ("fake.png", fake_png())]).await;
    assert!(answer.status.is_client_error(), "{answer}");
    assert_eq!(market.client.get(&format!("/products/{}", teapot.id())).await.ok()["images"], serde_json::json!([]));
    market.ends_clean().await;
}

#[tokio::test]
async fn an_upload_is_a_form_with_the_field_file() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/images", teapot.id());
    let post = || seller.client.post_empty(&path);
    let nothing = post().form(Form::new()).await;
    assert!([400, 422].contains(&nothing.status.as_u16()), "{nothing}");
    post().form(Form::new().part("picture", Part::bytes(png()).file_name("a.png"))).await.is(422);
    post().bytes("image/png", png()).await.refused(415, "unsupported_type");
    post().bytes("application/json", "{}").await.refused(415, "unsupported_type");
    post().bytes("multipart/form-data; boundary=x", "--x\r\nbroken").await.is(400);
    post().bytes("multipart/form-data", "no boundary").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_file_above_ten_megabytes_is_413() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let mut huge = png();
    huge.resize((10 << 20) + 1, 0);
    uploads(&seller, &teapot, vec![("huge.png", huge)]).await.refused(413, "too_large");
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_seller_uploads() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let answer = uploads(&rival, &teapot, vec![("a.png", png())]).await;
    assert!([403, 404].contains(&answer.status.as_u16()), "{answer}");
    let path = format!("/products/{}/images", teapot.id());
    market.client.post_empty(&path).form(form(vec![("a.png", png())])).await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_pictures() {
    let market = Market::start().await;
    for name in ["..%2Fidentity.db", "%2e%2e%2fkeys%2fjwt-ed25519.pem", "..", "a.webp", "%00", "x.webp%00", "con"] {
        market.client.at_root().get(&format!("/images/{name}")).await.is(404);
    }
    market.ends_clean().await;
}
