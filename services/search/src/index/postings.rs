//! Posting lists read in windows of documents, so that what is counted for a document stays in the processor's cache
//! whatever the size of the index.

use tantivy::{DocId, postings::BlockSegmentPostings};

/// Documents in a window.
pub const WINDOW: u32 = 4096;

/// A posting list and where it is read.
pub struct Cursor {
    block: BlockSegmentPostings,
    at: usize,
    ended: bool,
}

impl Cursor {
    /// From the beginning.
    pub fn new(block: BlockSegmentPostings) -> Self {
        let ended = block.block_len() == 0;
        Self { block, at: 0, ended }
    }

    /// The next document, if there is one.
    pub fn next_doc(&self) -> Option<DocId> {
        (!self.ended).then(|| self.block.docs()[self.at])
    }

    /// Reads on up to the document `end`, which stays.
    pub fn read(&mut self, end: DocId, mut each: impl FnMut(DocId, u32)) {
        while !self.ended {
            let (docs, frequencies) = (self.block.docs(), self.block.freqs());
            for (at, doc) in docs.iter().enumerate().skip(self.at) {
                if *doc >= end {
                    self.at = at;
                    return;
                }
                each(*doc, frequencies.get(at).copied().unwrap_or(1));
            }
            self.block.advance();
            self.at = 0;
            self.ended = self.block.block_len() == 0;
        }
    }

    /// Skips to the first document from `target` on.
    pub fn skip_to(&mut self, target: DocId) {
        if self.next_doc().is_some_and(|doc| doc < target) {
            self.at = self.block.seek(target);
            self.ended = self.at >= self.block.block_len();
        }
    }
}
