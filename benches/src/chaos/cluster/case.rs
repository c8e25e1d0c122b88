//! What is killed in each case.

use crate::{
    chaos::cluster::state::{Process, State},
    error::Error,
};

const GATEWAY: &str = "gateway";
const DATABASE: &str = "postgres";
/// Whether one or all of a service's processes.
const ALL: &str = "-all";

/// One thing that may happen to a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    service: String,
    all: bool,
}

impl Case {
    pub fn name(&self) -> String {
        format!("{}{}", self.service, if self.all { ALL } else { "" })
    }

    /// What a reader of the table wants to know.
    pub fn describe(&self, victims: usize, of: usize) -> String {
        if self.service == DATABASE && !self.all {
            return "postgres, the primary".to_owned();
        }
        if of == 1 { self.service.clone() } else { format!("{}, {victims} of {of}", self.service) }
    }

    /// Those that are killed, as they are now.
    pub fn victims<'a>(&self, state: &'a State) -> Vec<&'a Process> {
        let those = state.processes.iter().filter(|process| process.service == self.service);
        if self.all {
            return those.collect();
        }
        // Of a database the one that all depends on.
        those.filter(|process| self.service != DATABASE || process.role.as_deref() == Some("primary")).take(1).collect()
    }

    /// The cases of these names; all that the task of a cluster is to survive when none is named.
    pub fn chosen(state: &State, names: &[String]) -> Result<Vec<Self>, Error> {
        let every = Self::every(state);
        if names.is_empty() {
            return Ok(every
                .into_iter()
                .filter(|case| case.service != "balancer" && case.name() != "gateway-all")
                .collect());
        }
        let known = |name: &String| every.iter().find(|case| case.name() == *name).cloned();
        let all = || every.iter().map(Self::name).collect::<Vec<_>>().join(", ");
        names
            .iter()
            .map(|name| known(name).ok_or_else(|| Error::Usage(format!("--cases {name}: there are {}", all()))))
            .collect()
    }

    /// Each service's first process, then all of the service where there are more, then the rest.
    fn every(state: &State) -> Vec<Self> {
        let mut services: Vec<(&str, usize)> = Vec::new();
        // Souk's own first, the database last: it is what takes longest.
        let rank = |process: &&Process| (!process.souk, process.service == GATEWAY, process.service == DATABASE);
        let mut processes: Vec<&Process> = state.processes.iter().collect();
        processes.sort_by_key(rank);
        for process in processes {
            match services.iter_mut().find(|(service, _)| *service == process.service) {
                Some((_, count)) => *count += 1,
                None => services.push((&process.service, 1)),
            }
        }
        let case = |service: &str, all| Self { service: service.to_owned(), all };
        let one = services.iter().map(|(service, _)| case(service, false));
        let several = services.iter().filter(|(service, count)| *count > 1 && *service != DATABASE);
        one.chain(several.map(|(service, _)| case(service, true))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let process = |name: &str, service: &str, role: Option<&str>| {
            serde_json::json!({
                "name": name, "service": service, "pid": 1, "status": "ready", "role": role, "souk": role.is_none(),
            })
        };
        let processes = [
            process("postgres-a", "postgres", Some("replica")),
            process("postgres-b", "postgres", Some("primary")),
            process("orders-1", "orders", None),
            process("gateway-1", "gateway", None),
            process("orders-2", "orders", None),
            process("search-1", "search", None),
        ];
        serde_json::from_value(serde_json::json!({ "ready": true, "pid": 1, "processes": processes })).unwrap()
    }

    #[test]
    fn every_service_is_killed_in_part_and_whole_and_the_database_at_its_head() {
        let state = state();
        let cases = Case::chosen(&state, &[]).unwrap();
        let names: Vec<String> = cases.iter().map(Case::name).collect();
        assert_eq!(names, ["orders", "search", "gateway", "postgres", "orders-all"]);
        let victims = |case: &Case| case.victims(&state).iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        assert_eq!(victims(&cases[3]), ["postgres-b"]);
        assert_eq!(victims(&cases[4]), ["orders-1", "orders-2"]);
        assert_eq!(cases[4].describe(2, 2), "orders, 2 of 2");
    }

    #[test]
    fn an_unknown_case_is_told_with_those_that_there_are() {
        let error = Case::chosen(&state(), &["ordes".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("--cases ordes: there are orders, search, gateway"), "{error}");
    }
}
