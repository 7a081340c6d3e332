//! Hints that a charge may have changed, from whatever it depends on.

use std::sync::Arc;

use domain::{GuestToken, OrderId, SessionId};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::{Guest, GuestError, store};
use crate::balance;
use crate::bus::{Bus, Subscription, Topic};
use crate::db::Db;

/// What is listened to.
struct Listening {
    db: Db,
    bus: Arc<dyn Bus>,
    order: OrderId,
    charge: Subscription,
    payment: Subscription,
    session: Option<Subscription>,
}

impl Guest {
    pub(super) async fn follow(&self, token: &GuestToken) -> Result<BoxStream<'static, ()>, GuestError> {
        let charge = self.charge(token).await?;
        let mut listening = Listening {
            db: self.db.clone(),
            bus: Arc::clone(&self.bus),
            order: charge.order,
            charge: self.bus.subscribe(&charge.topic()).await,
            payment: self.bus.subscribe(&balance::topic(charge.order)).await,
            session: None,
        };
        listening.find_session().await;
        Ok(stream::unfold(listening, |mut listening| async move {
            listening.next().await;
            Some(((), listening))
        })
        .boxed())
    }
}

impl Listening {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.charge.next() => {}
            _ = self.payment.next() => {}
            () = of_session(&mut self.session) => {}
        }
        self.find_session().await;
    }

    /// The session begins some time after the page was opened. An error only means that its hints are missed until the next look.
    async fn find_session(&mut self) {
        if self.session.is_some() {
            return;
        }
        let session: Option<SessionId> = match self.db.pool().acquire().await {
            Ok(mut connection) => {
                store::by_order(&mut connection, self.order).await.ok().flatten().and_then(|charge| charge.session)
            }
            Err(_) => None,
        };
        if let Some(session) = session {
            self.session = Some(self.bus.subscribe(&Topic::session(session)).await);
        }
    }
}

async fn of_session(subscription: &mut Option<Subscription>) {
    match subscription {
        Some(subscription) => {
            subscription.next().await;
        }
        None => std::future::pending().await,
    }
}
