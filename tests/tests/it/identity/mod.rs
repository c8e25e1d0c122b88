mod accounts;
mod admin;
mod logins;
mod passwords;
mod profiles;
mod sellers;
mod teams;
mod throttling;
