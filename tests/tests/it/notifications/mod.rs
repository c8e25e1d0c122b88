mod inbox;
mod mail;
