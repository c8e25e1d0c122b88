//! Which index a configured URL names.

use crate::error::Error;

/// Where the index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// In the data directory.
    Embedded,
    /// A cluster's HTTP address.
    Cluster(String),
}

impl Address {
    /// Reads `search.url`. The error doesn't repeat it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        match scheme {
            "" | "tantivy" => Ok(Self::Embedded),
            "http" | "https" => Ok(Self::Cluster(url.to_owned())),
            // `elasticsearch://host:9200` and `elasticsearch:https://host:9200`.
            "elasticsearch" | "opensearch" if rest.starts_with("//") => Ok(Self::Cluster(format!("http:{rest}"))),
            "elasticsearch" | "opensearch" if rest.starts_with("http") => Ok(Self::Cluster(rest.to_owned())),
            _ => Err(Error::configuration(
                "search.url must be empty (the embedded index) or begin with elasticsearch:, opensearch:, http: or https:",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_an_engine() {
        let parse = |url| Address::parse(url).ok();
        let cluster = |url: &str| Some(Address::Cluster(url.to_owned()));
        assert_eq!(parse(""), Some(Address::Embedded));
        assert_eq!(parse("elasticsearch://search:9200"), cluster("http://search:9200"));
        assert_eq!(parse("opensearch:https://u:p@search"), cluster("https://u:p@search"));
        assert_eq!(parse("https://search:9200"), cluster("https://search:9200"));
        assert_eq!(parse("solr://search"), None);
    }
}
