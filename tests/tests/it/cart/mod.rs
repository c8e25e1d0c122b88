mod guests;
mod items;
mod merging;
