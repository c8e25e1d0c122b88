//! Writes the index.

use std::path::Path;

use souk_kernel::{ProductId, TypedId};
use tantivy::{
    Index, IndexSettings, IndexWriter, TantivyError, Term, indexer::UserOperation, merge_policy::LogMergePolicy,
    store::Compressor,
};

use super::{
    schema::{Desk, Layout},
    tokenizers,
};
use crate::domain::{
    item::{Item, Roles},
    texts::Fields,
};

/// Pieces of more products are not merged again: it would take a processor minutes, and searches gain little.
const LARGE: usize = 100_000;
/// Documents that go to a thread of the writer at once.
const LOT: usize = 50;

/// Opens the index in a folder, or makes an empty one.
pub fn open(folder: &Path) -> Result<(Index, Layout), TantivyError> {
    let (schema, layout) = Layout::build();
    let directory = tantivy::directory::MmapDirectory::open(folder)?;
    // Summaries are small and read one by one: unpacking a block for each would cost more than it saves.
    let settings = IndexSettings { docstore_compression: Compressor::None, ..IndexSettings::default() };
    let index = Index::builder().schema(schema).settings(settings).open_or_create(directory)?;
    tokenizers::register(&index);
    Ok((index, layout))
}

/// Takes products in and out.
pub struct Writer {
    writer: IndexWriter,
    layout: Layout,
}

impl Writer {
    /// `memory` bytes for each of the `threads`.
    pub fn new(index: &Index, layout: Layout, threads: usize, memory: usize) -> Result<Self, TantivyError> {
        let options = tantivy::indexer::IndexWriterOptions::builder()
            .num_worker_threads(threads)
            .memory_budget_per_thread(memory)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index.writer_with_options(options)?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(6);
        policy.set_max_docs_before_merge(LARGE);
        writer.set_merge_policy(Box::new(policy));
        Ok(Self { writer, layout })
    }

    /// Puts a product in, in place of its former state.
    pub fn put(&self, item: &Item, fields: &Fields, roles: &Roles, desk: &mut Desk) -> Result<(), TantivyError> {
        self.remove(item.summary.id);
        self.writer.add_document(self.layout.document(item, fields, roles, desk))?;
        Ok(())
    }

    /// Adds products that aren't there.
    pub fn add(&self, items: &[Item], fields: &Fields, roles: &Roles, desk: &mut Desk) -> Result<(), TantivyError> {
        for items in items.chunks(LOT) {
            let document = |item: &Item| UserOperation::Add(self.layout.document(item, fields, roles, desk));
            self.writer.run(items.iter().map(document).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Takes a product out.
    pub fn remove(&self, id: ProductId) {
        self.writer.delete_term(Term::from_field_bytes(self.layout.id, id.uuid().as_bytes()));
    }

    /// Makes everything so far durable, with a note.
    pub fn commit(&mut self, note: &str) -> Result<(), TantivyError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(note);
        commit.commit()?;
        Ok(())
    }

    /// Waits for what merges, and ends.
    pub fn close(self) -> Result<(), TantivyError> {
        self.writer.wait_merging_threads()
    }
}
