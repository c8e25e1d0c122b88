//! How the fields of a file become products.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use souk_kernel::text::slugify;

/// Why a mapping can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// Neither built in nor a file.
    #[error("there is no built-in mapping `{0}` (known: souk, icecat) and no such file")]
    Unknown(String),
    /// The file can't be read.
    #[error("can't read the mapping {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a mapping.
    #[error("the mapping {name} is not right: {source}")]
    Malformed {
        /// Its name or file.
        name: String,
        /// Where and why.
        source: toml::de::Error,
    },
}

/// A mapping, as written in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The seller's slug when the command line names none.
    pub seller: Option<String>,
    /// Which field holds what.
    pub fields: Fields,
    /// Which fields are attributes.
    #[serde(default)]
    pub attributes: Attributes,
    /// How a product finds its category.
    pub categories: Categories,
}

/// Names of fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Unique per seller.
    pub external_id: String,
    /// The title.
    pub title: String,
    /// The description.
    pub description: Option<String>,
    /// An integer in the smallest unit.
    pub price: String,
    /// ISO 4217; the marketplace's currency when absent.
    pub currency: Option<String>,
    /// Units on hand.
    pub stock: Option<String>,
    /// The seller's own code.
    pub code: Option<String>,
    /// A category's name.
    pub category: Option<String>,
    /// URLs, one or a list each.
    #[serde(default)]
    pub images: Vec<String>,
}

/// Which fields are attributes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attributes {
    /// A field that is an object of attributes.
    pub object: Option<String>,
    /// Fields that are attributes under their own name.
    pub fields: Vec<String>,
    /// Fields whose name begins so are attributes under the rest of their name.
    pub prefixes: Vec<Prefix>,
}

/// A prefix of attribute fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// For example `attr_n_`.
    pub prefix: String,
    /// What the values are.
    pub kind: Kind,
}

/// What an attribute's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Bool,
}

/// How a product finds its category.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Categories {
    /// The name of the category of all that finds no other.
    pub other: String,
    /// Word groups to look for in titles.
    #[serde(default)]
    pub groups: Vec<Group>,
}

/// A category and the word groups that lead to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The category's name.
    pub name: String,
    /// Word groups in lower case.
    pub words: Vec<String>,
}

/// A category by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CategoryName {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl CategoryName {
    /// From a name for people.
    pub fn new(name: &str) -> Self {
        let slug = slugify(name);
        Self { slug: if slug.is_empty() { "other".to_owned() } else { slug }, name: name.trim().to_owned() }
    }
}

impl Mapping {
    /// The built-in mapping of this name, or the one in this file.
    pub fn load(name: &str) -> Result<Self, MappingError> {
        let text = match name {
            "souk" => include_str!("../../mappings/souk.toml").to_owned(),
            "icecat" => include_str!("../../mappings/icecat.toml").to_owned(),
            file if Path::new(file).is_file() => std::fs::read_to_string(file)
                .map_err(|source| MappingError::Unreadable { path: file.into(), source })?,
            other => return Err(MappingError::Unknown(other.to_owned())),
        };
        toml::from_str(&text).map_err(|source| MappingError::Malformed { name: name.to_owned(), source })
    }
}

/// Finds the longest known word group in a title.
#[derive(Debug)]
pub struct CategoryFinder {
    /// Word group → (place in the table, category).
    groups: HashMap<Vec<String>, (usize, CategoryName)>,
    longest: usize,
    other: CategoryName,
}

impl CategoryFinder {
    /// From a mapping's table.
    pub fn new(categories: &Categories) -> Self {
        let mut groups = HashMap::new();
        for (place, (group, name)) in categories
            .groups
            .iter()
            .flat_map(|group| group.words.iter().map(move |words| (words, &group.name)))
            .enumerate()
        {
            groups.entry(words(group)).or_insert_with(|| (place, CategoryName::new(name)));
        }
        let longest = groups.keys().map(Vec::len).max().unwrap_or(0);
        Self { groups, longest, other: CategoryName::new(&categories.other) }
    }

    /// The category of a title: most words first, then most letters, then the earlier in the table.
    pub fn find(&self, title: &str) -> &CategoryName {
        let words = words(title);
        for length in (1..=self.longest.min(words.len())).rev() {
            let found = words
                .windows(length)
                .filter_map(|window| {
                    let letters: usize = window.iter().map(String::len).sum();
                    self.groups.get(window).map(|(place, name)| (std::cmp::Reverse(letters), place, name))
                })
                .min();
            if let Some((_, _, name)) = found {
                return name;
            }
        }
        &self.other
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_mappings_are_right() {
        for name in ["souk", "icecat"] {
            Mapping::load(name).unwrap();
        }
        assert!(matches!(Mapping::load("nothing"), Err(MappingError::Unknown(_))));
    }

    #[test]
    fn the_longest_word_group_of_the_title_names_the_category() {
        let finder = CategoryFinder::new(&Mapping::load("icecat").unwrap().categories);
        let find = |title| finder.find(title).slug.as_str();
        assert_eq!(find("Xerox 006R90321 toner cartridge Original Black 6 pc(s)"), "toner-cartridges");
        assert_eq!(find("StarTech.com 10ft Cat6 Patch Cable, Black"), "network-cables");
        assert_eq!(find("Case Logic notebook case 39.6 cm (15.6\")"), "notebook-cases");
        assert_eq!(find("Something nobody ever sold"), "other");
    }
}
