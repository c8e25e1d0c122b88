//! What this process tells about itself.

use std::{sync::Arc, time::Duration};

use futures::{SinkExt, channel::mpsc};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    etcd::{ANSWER, Connection, Fault, Lease},
    lookup::{Discovery, LONGEST_PAUSE, PAUSE, STEADY, Shared},
    messages::LeaseKeepAliveRequest,
};
use crate::rpc::Address;

/// How long a stop waits until the address is taken back; etcd forgets it by itself soon after.
const WITHDRAW: Duration = Duration::from_secs(1);

/// Keeps the address of this process registered until it is withdrawn.
pub struct Registration {
    withdraw: CancellationToken,
    kept: JoinHandle<()>,
}

impl Registration {
    /// Takes the address back, and waits until that is done, a second at most.
    pub async fn withdraw(self) {
        self.withdraw.cancel();
        if let Err(error) = self.kept.await {
            tracing::error!(%error, "keeping this process registered broke down");
        }
    }
}

impl Discovery {
    /// Tells the others that `services` are at `address`, from now on.
    pub fn register(&self, services: &[&'static str], address: &Address) -> Registration {
        let authority = address.authority();
        let keys = services.iter().map(|service| format!("{}{service}/{authority}", self.shared.prefix)).collect();
        let withdraw = CancellationToken::new();
        let keeper = Keeper { shared: Arc::clone(&self.shared), keys, address: address.to_string(), lease: None };
        let kept = tokio::spawn(keeper.run(withdraw.clone()));
        Registration { withdraw, kept }
    }
}

struct Keeper {
    shared: Arc<Shared>,
    keys: Vec<String>,
    address: String,
    /// The last that was granted, and by whom.
    lease: Option<(Connection, Lease)>,
}

impl Keeper {
    async fn run(mut self, withdraw: CancellationToken) {
        let mut pause = PAUSE;
        loop {
            let since = Instant::now();
            let fault = tokio::select! {
                fault = self.hold() => fault,
                () = withdraw.cancelled() => return self.take_back().await,
            };
            if self.shared.registered.is(&fault) {
                let (setting, cause) = fault.told();
                tracing::warn!(setting, cause, "this process is not registered in etcd; that is tried again");
            }
            pause = if since.elapsed() > STEADY { PAUSE } else { pause };
            tokio::select! {
                () = sleep(pause) => {}
                () = withdraw.cancelled() => return self.take_back().await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Registers and stays registered, until that fails.
    async fn hold(&mut self) -> Fault {
        let held = async {
            let connection = self.shared.etcd.connect().await?;
            let lease = connection.grant(self.shared.ttl).await?;
            self.lease = Some((connection.clone(), lease));
            for key in &self.keys {
                // One that is there, of a process that died or of a former lease, is ours from now on.
                connection.put(key, &self.address, lease).await?;
            }
            self.shared.registered.is_over();
            tracing::info!(address = self.address, "this process is registered in etcd");
            keep(&connection, lease).await
        };
        match held.await {
            Ok(never) => match never {},
            Err(fault) => fault,
        }
    }

    async fn take_back(self) {
        let Some((connection, lease)) = self.lease else { return };
        let taken_back = async {
            match connection.revoke(lease).await {
                Ok(()) => Ok(()),
                // Its member may be away, and another one there.
                Err(_) => self.shared.etcd.connect().await?.revoke(lease).await,
            }
        };
        let taken_back =
            timeout(WITHDRAW, taken_back).await.unwrap_or_else(|_| Err(Fault::away("it takes too long to answer")));
        match taken_back {
            Ok(()) => tracing::info!("this process is no longer registered in etcd"),
            Err(fault) => {
                let (setting, cause) = fault.told();
                tracing::warn!(setting, cause, "etcd forgets this process only when its lease ends");
            }
        }
    }
}

/// Prolongs a lease three times while it lasts, for ever.
async fn keep(connection: &Connection, lease: Lease) -> Result<std::convert::Infallible, Fault> {
    let (mut said, heard) = mpsc::channel(1);
    let prolong = LeaseKeepAliveRequest { id: lease.id };
    let ended = |_| Fault::away("it hears nothing more");
    // etcd answers nothing before the first is said.
    said.send(prolong.clone()).await.map_err(ended)?;
    let mut answers = connection.prolong(heard).await?;
    loop {
        let answer = timeout(ANSWER, answers.next()).await;
        let answer = answer.unwrap_or_else(|_| Err(Fault::away("no answer in time")))?;
        if answer.ttl <= 0 {
            return Err(Fault::away("the lease has ended"));
        }
        sleep(lease.ttl / 3).await;
        said.send(prolong.clone()).await.map_err(ended)?;
    }
}
