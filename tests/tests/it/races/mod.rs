mod completion;
mod flash_sale;
mod keys;
mod tabs;
mod webhooks;
