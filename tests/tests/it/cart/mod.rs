mod frozen;
mod guests;
mod items;
mod merging;
