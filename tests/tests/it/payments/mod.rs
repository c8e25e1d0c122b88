mod balances;
mod commission;
mod manual;
mod payments_of_orders;
mod provider_faults;
mod refunds;
mod sandbox;
mod webhooks;
