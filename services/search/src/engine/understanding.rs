//! How texts and queries are understood, whichever engine looks for them.

use std::sync::{Mutex, PoisonError};

use crate::{
    config::Config,
    domain::{
        Language,
        analysis::Analyzer,
        query::{Dictionary, Plan, Planner},
        synonyms::Synonyms,
    },
    error::Error,
    index::dictionary::Automata,
};

/// Analysis, synonyms and corrections as they are configured.
pub struct Understanding {
    pub config: Config,
    pub automata: Automata,
    synonyms: Synonyms,
    /// Those that nobody works with: as many as have ever been needed at once.
    analyzers: Mutex<Vec<Analyzer>>,
}

impl Understanding {
    /// As the configuration says; reads the operator's synonyms.
    pub fn new(config: Config) -> Result<Self, Error> {
        let synonyms = synonyms(&config)?;
        Ok(Self { config, automata: Automata::default(), synonyms, analyzers: Mutex::default() })
    }

    /// Works with an analysis of texts and queries, which remembers the stems of those before.
    pub fn analyzing<T>(&self, work: impl FnOnce(&Analyzer) -> T) -> T {
        let at_rest = || self.analyzers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = at_rest().pop();
        let analyzer = known.unwrap_or_else(|| Analyzer::new(self.config.language));
        let result = work(&analyzer);
        at_rest().push(analyzer);
        result
    }

    /// What to look for.
    pub fn plan(&self, query: &str, as_you_type: bool, dictionary: &impl Dictionary) -> Plan {
        self.analyzing(|analyzer| Planner { analyzer, synonyms: &self.synonyms, dictionary, as_you_type }.plan(query))
    }
}

fn synonyms(config: &Config) -> Result<Synonyms, Error> {
    let analyzer = Analyzer::new(config.language);
    if config.synonyms.as_os_str().is_empty() {
        let language = if config.language == Language::English { Language::English } else { Language::None };
        return Ok(Synonyms::built_in(language, &analyzer));
    }
    let file = config.synonyms.display();
    let text = std::fs::read_to_string(&config.synonyms)
        .map_err(|error| Error::configuration(format!("search.synonyms: {file}: {error}")))?;
    Synonyms::parse(&text, &analyzer).map_err(|error| Error::configuration(format!("search.synonyms: {file}: {error}")))
}
