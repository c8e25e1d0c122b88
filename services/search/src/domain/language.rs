//! What differs between languages: stems and stop words.

use frostem::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

/// The language that most product texts and queries are in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Italian,
    Norwegian,
    Portuguese,
    Spanish,
    Swedish,
    /// No stems, no stop words: for languages that are not listed, or a mix of many.
    None,
}

impl Language {
    fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Italian => Algorithm::Italian,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::None => return None,
        })
    }

    /// What cuts words of the language to their stems.
    pub fn stemmer(self) -> Option<Stemmer> {
        self.algorithm().map(Stemmer::new)
    }

    /// Words that say nothing about a product, folded.
    fn stop_words(self) -> &'static str {
        match self {
            Self::Danish => "og i at det en den til er som pa de med af for ikke der var et har om min dit ved fra",
            Self::Dutch => {
                "de het een en van in is op te dat die voor met zijn er aan om niet ook als bij of uit naar door"
            }
            Self::English => {
                "a an and any are as at be by for from how i in into is it its me my no of on or our so some such that the \
                 their then there these they this to was we what where which who will with you your"
            }
            Self::Finnish => "ja on ei etta se oli han mutta kun tai jos niin myos kuin joka",
            Self::French => {
                "au aux avec ce ces dans de des du elle en et eux il je la le les leur lui ma mais me meme mes mon ne nos \
                 notre nous on ou par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous d l a"
            }
            Self::German => {
                "aber als am an auch auf aus bei bin bis da das dass dem den der des die dir du ein eine einem einen einer \
                 er es fur hat ich ihr im in ist ja mein mich mir mit nach nicht oder sich sie sind so um und uns unter vom \
                 von vor was wie wir zu zum zur uber"
            }
            Self::Italian => {
                "a ad al alla ai agli alle con col da dal dalla dei del della delle di e ed gli ha i il in io la le lo ma mi \
                 ne nel nella non o per piu quale che chi se si su sul un una uno l d"
            }
            Self::Norwegian => "og i det en et den til er som pa de med av for ikke der var har om min din ved fra jeg",
            Self::Portuguese => {
                "a ao aos as com como da das de do dos e ela ele em entre era essa esse esta este eu mais mas me meu na nas \
                 nao no nos o os ou para pela pelo por qual que se sem seu sua um uma"
            }
            Self::Spanish => {
                "a al algo con como de del desde el ella en entre era es esa ese esta este fue ha hay la las le les lo los \
                 mas me mi muy no nos o para pero por que se si sin sobre su sus te tu un una uno y ya"
            }
            Self::Swedish => {
                "och i att det en den till ar som pa de med av for inte der var ett har om min din vid fran jag"
            }
            Self::None => "",
        }
    }

    /// Whether the folded word is a stop word.
    pub fn is_stop_word(self, word: &str) -> bool {
        self.stop_words().split_ascii_whitespace().any(|stop| stop == word)
    }
}
