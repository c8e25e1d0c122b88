//! Which services run in a process.

/// All of them, the gateway last.
pub const SERVICES: [&str; 9] =
    ["identity", "catalog", "inventory", "cart", "orders", "payments", "notifications", "search", GATEWAY];

/// The one without data of its own.
pub const GATEWAY: &str = "gateway";

/// The services of one process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster(Vec<&'static str>);

/// Why names don't make a roster.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// Nothing has this name.
    #[error("there is no service `{name}`, did you mean `{nearest}`? There are {}", SERVICES.join(", "))]
    Unknown {
        /// As written.
        name: String,
        /// What it may have been.
        nearest: &'static str,
    },
    /// It was named before.
    #[error("`{0}` is named twice")]
    Twice(&'static str),
}

impl Roster {
    /// All services.
    pub fn everything() -> Self {
        Self(SERVICES.to_vec())
    }

    /// These services; all of them when none is named.
    pub fn of(names: &[impl AsRef<str>]) -> Result<Self, RosterError> {
        if names.is_empty() {
            return Ok(Self::everything());
        }
        let mut services = Vec::new();
        for name in names {
            let name = name.as_ref();
            let service = SERVICES.into_iter().find(|service| *service == name).ok_or_else(|| {
                let likeness = |service: &&str| strsim::jaro_winkler(name, service);
                let nearest = SERVICES.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
                RosterError::Unknown { name: name.to_owned(), nearest: nearest.unwrap_or(GATEWAY) }
            })?;
            if services.contains(&service) {
                return Err(RosterError::Twice(service));
            }
            services.push(service);
        }
        Ok(Self(services))
    }

    /// Whether this service is in it.
    pub fn has(&self, service: &str) -> bool {
        self.0.contains(&service)
    }

    /// Whether visitors come in here.
    pub fn has_gateway(&self) -> bool {
        self.has(GATEWAY)
    }

    /// The services with data.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied().filter(|service| *service != GATEWAY)
    }

    /// All of them, by name.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    /// The services with data that run elsewhere.
    pub fn elsewhere(&self) -> impl Iterator<Item = &'static str> {
        SERVICES.into_iter().filter(|service| *service != GATEWAY && !self.has(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_names_are_all_names() {
        let roster = Roster::of(&[""; 0]).unwrap();
        assert_eq!(roster, Roster::everything());
        assert!(roster.has_gateway() && roster.elsewhere().next().is_none());
    }

    #[test]
    fn a_few_leave_the_rest_elsewhere() {
        let roster = Roster::of(&["search", "catalog"]).unwrap();
        assert!(roster.has("catalog") && !roster.has_gateway());
        assert_eq!(
            roster.elsewhere().collect::<Vec<_>>(),
            ["identity", "inventory", "cart", "orders", "payments", "notifications"]
        );
    }

    #[test]
    fn what_is_misspelt_or_named_twice_is_told() {
        let error = Roster::of(&["ordes"]).unwrap_err().to_string();
        assert!(error.contains("no service `ordes`, did you mean `orders`?"), "{error}");
        assert_eq!(Roster::of(&["cart", "cart"]), Err(RosterError::Twice("cart")));
    }
}
