//! What `souk verify` reports.

/// One rule held against a whole data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What must hold, in a few words.
    pub name: &'static str,
    /// Rows looked at.
    pub checked: u64,
    /// The rows for which it does not hold, each with what is wrong.
    pub offenders: Vec<String>,
}

impl Rule {
    /// A rule that was checked on `checked` rows and broken by `offenders`.
    #[must_use]
    pub fn new(name: &'static str, checked: u64, offenders: Vec<String>) -> Self {
        Self { name, checked, offenders }
    }

    /// Whether every row keeps it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.offenders.is_empty()
    }
}
