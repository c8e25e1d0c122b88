use super::*;

#[test]
fn the_section_is_whole_or_absent() {
    assert!(Mutual::open(&MutualConfig::default(), &["catalog"]).unwrap().is_none());
    assert!(Edge::open(&EdgeConfig::default()).unwrap().is_none());
    let half = MutualConfig { ca: Some("ca.pem".into()), cert: Some("cert.pem".into()), key: None };
    let error = Mutual::open(&half, &["catalog"]).err().unwrap();
    assert_eq!(error.setting, "tls.key");
    let half = EdgeConfig { cert: None, key: Some("key.pem".into()) };
    assert_eq!(Edge::open(&half).err().unwrap().setting, "gateway.tls.cert");
}

#[test]
fn a_missing_or_foreign_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = MutualConfig { ca: Some(path("ca")), cert: Some(path("cert")), key: Some(path("key")) };
    let error = Mutual::open(&config, &["catalog"]).err().unwrap().to_string();
    assert!(error.starts_with("tls.ca: ") && error.ends_with("does not exist"), "{error}");
    std::fs::write(path("ca"), "nothing of the kind").unwrap();
    let error = Mutual::open(&config, &["catalog"]).err().unwrap().to_string();
    assert!(error.starts_with("tls.ca: ") && error.contains("holds no certificate"), "{error}");
}
