use std::{collections::BTreeMap, io::Write, time::Duration};

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::*;

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    orders: Orders,
    payments: Payments,
    providers: BTreeMap<String, Provider>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Orders {
    #[serde(with = "humantime_serde")]
    reservation_ttl: Duration,
    limit: u32,
    enabled: bool,
    countries: Vec<String>,
    note: String,
    share: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Payments {
    webhook_secret: Secret,
    api_key: Option<Secret>,
    port: Option<u16>,
    mail: Option<Mail>,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mail {
    host: String,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Provider {
    client_id: String,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            reservation_ttl: Duration::from_mins(15),
            limit: 500,
            enabled: true,
            countries: vec!["DE".to_owned()],
            note: String::new(),
            share: 0.5,
        }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self { webhook_secret: "sandbox-secret".into(), api_key: None, port: None, mail: None }
    }
}

fn pairs(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env(values: &[(&str, &str)]) -> Result<Config, ConfigError> {
    load(None, pairs(values), [])
}

fn refusal(toml: &str, environment: &[(&str, &str)]) -> String {
    let file = file(toml);
    let error = load::<Config>(Some(file.path()), pairs(environment), []).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "souk.toml")
}

#[test]
fn nothing_given_is_the_default_with_its_secrets() {
    let config: Config = load(None, [], []).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.payments.webhook_secret.expose(), "sandbox-secret");
}

#[test]
fn the_later_source_wins_and_the_rest_keeps_its_default() {
    let file = file("[orders]\nlimit = 1\nreservation_ttl = \"2s\"\nnote = \"file\"\n");
    let environment = pairs(&[("SOUK_ORDERS__LIMIT", "2"), ("SOUK_ORDERS__NOTE", "environment"), ("HOME", "/root")]);
    let config: Config = load(Some(file.path()), environment, pairs(&[("orders.limit", "3")])).unwrap();
    let expected = Orders {
        limit: 3,
        note: "environment".to_owned(),
        reservation_ttl: Duration::from_secs(2),
        ..Orders::default()
    };
    assert_eq!(config, Config { orders: expected, ..Config::default() });
}

#[test]
fn variables_are_read_as_what_the_key_holds() {
    let config = env(&[
        ("SOUK_ORDERS__RESERVATION_TTL", "1h 5m"),
        ("SOUK_ORDERS__ENABLED", "false"),
        ("SOUK_ORDERS__COUNTRIES", "AT, CH"),
        ("SOUK_ORDERS__NOTE", "007"),
        ("SOUK_ORDERS__SHARE", "2"),
        ("SOUK_PAYMENTS__WEBHOOK_SECRET", "123456"),
        ("SOUK_PAYMENTS__API_KEY", "0012"),
        ("SOUK_PAYMENTS__PORT", "8080"),
        ("SOUK_PAYMENTS__MAIL__HOST", "true"),
        ("SOUK_PROVIDERS__GOOGLE__CLIENT_ID", "42"),
        ("SOUK_TEST_DATABASE", "postgres:"),
    ])
    .unwrap();
    assert_eq!(config.orders.reservation_ttl, Duration::from_mins(65));
    assert!(!config.orders.enabled);
    assert_eq!(config.orders.countries, ["AT", "CH"]);
    assert_eq!(config.orders.note, "007");
    assert!((config.orders.share - 2.0).abs() < f64::EPSILON);
    assert_eq!(config.payments.webhook_secret.expose(), "123456");
    assert_eq!(config.payments.api_key.unwrap().expose(), "0012");
    assert_eq!(config.payments.port, Some(8080));
    assert_eq!(config.payments.mail.unwrap().host, "true");
    assert_eq!(config.providers["google"].client_id, "42");
    assert_eq!(env(&[("SOUK_ORDERS__COUNTRIES", r#"["A", "B"]"#)]).unwrap().orders.countries, ["A", "B"]);
    assert_eq!(env(&[("SOUK_ORDERS__COUNTRIES", "")]).unwrap().orders.countries, Vec::<String>::new());
}

#[test]
fn unknown_keys_are_refused_all_at_once_with_the_nearest_known_one() {
    let toml = "[orders]\nlimits = 1\n[sellers]\nx = 1\n[payments.mail]\nhost = \"h\"\n";
    let error = refusal(toml, &[("SOUK_ORDERS_RESERVATION_TTL", "1s"), ("SOUK_ORDERS__LIMIT__X", "1")]);
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "souk.toml: unknown key `orders.limits`, did you mean `orders.limit`?");
    assert!(lines[1].starts_with("souk.toml: unknown key `sellers`"), "{error}");
    assert_eq!(
        lines[2],
        "unknown environment variable `SOUK_ORDERS_RESERVATION_TTL`, did you mean `SOUK_ORDERS__RESERVATION_TTL`?"
    );
    assert_eq!(lines[3], "unknown environment variable `SOUK_ORDERS__LIMIT__X`, did you mean `SOUK_ORDERS__LIMIT`?");
    let error = load::<Config>(None, [], pairs(&[("orders.limt", "1")])).unwrap_err().to_string();
    assert_eq!(error, "the command line: unknown key `orders.limt`, did you mean `orders.limit`?");
    let error = refusal("[payments.mail]\nhots = \"h\"\n", &[]);
    assert_eq!(error, "souk.toml: payments.mail.hots: unknown key `hots`, did you mean `host`?");
}

#[test]
fn a_bad_value_names_its_source_its_key_and_what_is_expected() {
    let error = refusal("[orders]\nlimit = \"many\"\n", &[]);
    assert_eq!(error, r#"souk.toml: orders.limit: expected u32, found string "many""#);
    let error = refusal("", &[("SOUK_ORDERS__RESERVATION_TTL", "soon")]);
    assert_eq!(
        error,
        r#"SOUK_ORDERS__RESERVATION_TTL: orders.reservation_ttl: expected a duration, found string "soon""#
    );
    let error = refusal("", &[("SOUK_PAYMENTS__PORT", "true")]);
    assert!(error.starts_with("SOUK_PAYMENTS__PORT: payments.port: expected u16, found"), "{error}");
    let error = load::<Config>(None, [], pairs(&[("orders.enabled", "yes")])).unwrap_err().to_string();
    assert_eq!(error, r#"the command line (orders.enabled): orders.enabled: expected a boolean, found string "yes""#);
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_refused() {
    let error = load::<Config>(Some(Path::new("/nowhere/souk.toml")), [], []).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    assert!(refusal("[orders\nlimit", &[]).starts_with("souk.toml: "));
}

#[test]
fn the_effective_configuration_hides_secrets_and_can_be_read_again() {
    let config = env(&[("SOUK_PAYMENTS__API_KEY", "hunter2"), ("SOUK_PROVIDERS__G__CLIENT_ID", "id")]).unwrap();
    let text = render(&config).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("sandbox-secret"), "{text}");
    assert!(text.contains("reservation_ttl = \"15m\"") && text.contains("api_key = \"***\""), "{text}");
    let again: Config = load(Some(file(&text).path()), [], []).unwrap();
    assert_eq!(again.orders, config.orders);
}

#[test]
fn a_section_that_forgets_its_defaults_is_found() {
    #[derive(Default, Serialize, Deserialize)]
    struct Whole {
        section: Section,
    }
    #[derive(Default, Serialize, Deserialize)]
    struct Section {
        key: u8,
    }
    assert_eq!(check_defaults::<Config>(), Ok(()));
    assert!(check_defaults::<Whole>().unwrap_err().contains("key"));
}
