//! The same on every engine; object stores where one is named (`SOUK_TEST_S3_URL`).

use super::*;

/// A fresh place of each kind.
async fn places() -> Vec<(Files, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}/images", folder.path().display());
    let mut places = vec![(Files::connect(&FilesConfig::default(), &url).await.unwrap(), Some(folder))];
    if let Some(config) = testing::bucket() {
        places.push((Files::connect(&config, "").await.unwrap(), None));
    }
    places
}

#[tokio::test]
async fn a_file_is_stored_replaced_and_deleted() {
    for (files, folder) in places().await {
        files.ping().await.unwrap();
        assert_eq!(files.get("p/1.webp").await.unwrap(), None);
        for content in ["old", "new"] {
            files.put("p/1.webp", content.into()).await.unwrap();
            assert_eq!(files.get("p/1.webp").await.unwrap().unwrap(), content);
        }
        assert!(files.exists("p/1.webp").await.unwrap());
        assert!(folder.as_ref().is_none_or(|folder| folder.path().join("images/p/1.webp").exists()));
        files.delete("p/1.webp").await.unwrap();
        files.delete("p/1.webp").await.unwrap();
        assert!(!files.exists("p/1.webp").await.unwrap());
    }
}

#[tokio::test]
async fn files_of_any_size_come_back_as_they_were() {
    for (files, _folder) in places().await {
        for size in [0, 1, 3 << 20] {
            let content: Bytes = (0_u8..=255).cycle().take(size).collect();
            files.put("p/any", content.clone()).await.unwrap();
            assert_eq!(files.get("p/any").await.unwrap(), Some(content));
        }
    }
}

#[tokio::test]
async fn a_path_can_not_lead_outside() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "s").unwrap();
    let url = format!("file:{}/in", directory.path().display());
    let mut places = places().await;
    places.push((Files::open("files.url", &url).unwrap(), None));
    for (files, _folder) in places {
        for path in ["../secret", "a/../../secret", "%2e%2e/secret"] {
            assert!(!matches!(files.get(path).await, Ok(Some(_))), "{path}");
        }
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_a_clear_error() {
    for url in ["images", "file:", "gs://bucket"] {
        let error = Files::open("files.url", url).unwrap_err().to_string();
        assert!(error.contains("files.url") && error.contains(url) && error.contains("no such engine"), "{error}");
    }
    let config = FilesConfig { url: "s3://".to_owned(), ..FilesConfig::default() };
    let error = Files::connect(&config, "").await.unwrap_err().to_string();
    let expected = if cfg!(feature = "cluster") { "names no bucket" } else { "was built without" };
    assert!(error.contains("files.url") && error.contains(expected), "{error}");
}

#[cfg(feature = "cluster")]
mod object_store {
    use super::*;

    async fn refusal(config: FilesConfig) -> String {
        Files::connect(&config, "").await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn settings_that_can_not_be_right_are_told_at_once() {
        let mut config = FilesConfig { url: "s3://bucket".to_owned(), ..FilesConfig::default() };
        config.s3.endpoint = "s3.example.com".to_owned();
        assert!(refusal(config.clone()).await.starts_with("files.s3.endpoint: `s3.example.com`"));
        config.s3.endpoint = "http://127.0.0.1:9".to_owned();
        config.s3.access_key_id = "key".to_owned();
        assert!(refusal(config.clone()).await.starts_with("files.s3.secret_access_key: is missing"));
        config.s3.root_certificate = Some("/nowhere.pem".into());
        assert!(refusal(config).await.starts_with("files.s3.root_certificate: /nowhere.pem can't be used"));
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_with_the_address() {
        let mut config = FilesConfig { url: "s3://bucket".to_owned(), ..FilesConfig::default() };
        config.s3.endpoint = "http://127.0.0.1:9".to_owned();
        config.s3.access_key_id = "key".to_owned();
        config.s3.secret_access_key = "secret".into();
        let error = refusal(config).await;
        assert!(error.starts_with("files.s3.endpoint: `http://127.0.0.1:9` does not answer"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn a_wrong_bucket_or_key_is_told_by_its_setting() {
        let Some(right) = testing::bucket() else { return };
        let mut config = right.clone();
        config.url = "s3://no-such-bucket/images".to_owned();
        assert!(refusal(config).await.starts_with("files.url: `s3://no-such-bucket/images`: there is no such bucket"));
        let mut config = right.clone();
        config.s3.secret_access_key = "wrong".into();
        let error = refusal(config).await;
        assert!(error.starts_with("files.s3.secret_access_key") && !error.contains("wrong"), "{error}");
        let mut config = right;
        config.s3.access_key_id = "AKIANOBODY".to_owned();
        assert!(refusal(config).await.starts_with("files.s3.access_key_id"));
    }
}
