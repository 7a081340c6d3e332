//! The crash suite: the server is killed with SIGKILL at every commit of a guest's whole way, before it and after it, and started again.
//! Guest, charger and provider go on as people and machines would. Each time the charge ends, and the invariants hold.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use domain::guest::GuestPhase;
use serde_json::json;
use simulator::VirtualChargePoint;

use crate::app::{World, eventually, free_address};
use crate::guest::GuestDriver;
use crate::pg_proxy::{PgProxy, Side};

/// At least this many kills, spread over the whole way (issue: 30).
const KILLS_MIN: usize = 30;

/// The server as its own process, so that SIGKILL is SIGKILL.
struct Server {
    env: BTreeMap<String, String>,
    process: Arc<Mutex<Option<Child>>>,
}

impl Server {
    fn new(env: BTreeMap<String, String>) -> Self {
        Self { env, process: Arc::default() }
    }

    fn start(&self) {
        let child = Command::new(env!("CARGO_BIN_EXE_evp"))
            .arg("--die-with-parent")
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("RUST_LOG", "error")
            .envs(&self.env)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        *self.process.lock().unwrap() = Some(child);
    }

    /// What the trap does. On Unix `Child::kill` is SIGKILL.
    fn killer(&self) -> impl Fn() + Send + Sync + 'static {
        let process = Arc::clone(&self.process);
        move || {
            if let Some(mut child) = process.lock().unwrap().take() {
                child.kill().unwrap();
                child.wait().unwrap();
            }
        }
    }

    fn is_dead(&self) -> bool {
        self.process.lock().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.killer()();
    }
}

/// One guest's whole way with a server that may be killed once.
struct Scene {
    world: World,
    proxy: PgProxy,
    server: Server,
    url: String,
    code: &'static str,
}

impl Scene {
    async fn set() -> Self {
        let world = World::new().await;
        let database = url::Url::parse(world.database.url()).unwrap();
        let postgres: SocketAddr = format!("{}:{}", database.host_str().unwrap(), database.port().unwrap()).parse().unwrap();
        let proxy = PgProxy::start(postgres).await;
        let mut through = database.clone();
        through.set_port(Some(proxy.address.port())).unwrap();
        let listen = free_address();
        let url = format!("http://{listen}");
        let env = world.variables(&listen, &url, through.as_str());
        let server = Server::new(env);
        Self { world, proxy, server, url, code: "CHUYB2" }
    }

    async fn until_serving(&self) {
        let url = format!("{}/readyz", self.url);
        eventually("the server serves", || async {
            self.world.http.get(&url).send().await.ok().filter(|a| a.status().is_success())
        })
        .await;
    }

    /// Starts the server anew whenever it was killed.
    async fn keep_alive(&self) {
        if self.server.is_dead() {
            self.server.start();
            self.until_serving().await;
        }
    }

    /// The whole way as a stubborn person goes it: what fails is tried again.
    async fn walk(&self, kill: &str) {
        let charger = VirtualChargePoint::start(self.world.charger(&self.url, "RP-CHUY-2"));
        let mut guest = GuestDriver::new(&self.world, &self.url, self.code);
        self.keep_alive().await;
        eventually("the connector is for sale", || async {
            self.keep_alive().await;
            let page = guest.try_scan().await?;
            page.has("pay").then_some(())
        })
        .await;
        let ordered = eventually("the order is made", || async {
            self.keep_alive().await;
            let mut again = guest.clone();
            match again.submit("1000", "0700 123 456").await {
                Ok((page, _)) if page.status == 303 => Some(again),
                _ => None,
            }
        });
        guest = ordered.await;
        eventually("the order is paid", || async {
            self.keep_alive().await;
            // The page asks for the link if the server died before it could.
            let page = guest.try_look().await.ok()?;
            if page.phase() != Some(GuestPhase::AwaitingPayment) {
                return Some(());
            }
            let state = self.world.namba_state().await;
            let mine = state["orders"]
                .as_array()?
                .iter()
                .find(|o| o["redirect_link"].as_str().is_some_and(|l| l.contains(guest.token())))?
                .clone();
            if mine["paid_tyiyn"].is_null() {
                guest.pay_order(mine["external_id"].as_str()?, json!({})).await;
            }
            None
        })
        .await;
        let last = eventually("the charge ends", || {
            let (guest, charger) = (&guest, &charger);
            async move {
                self.keep_alive().await;
                let page = guest.try_look().await.ok()?;
                match page.phase()? {
                    GuestPhase::PlugIn if !charger.state().connectors[0].is_plugged => charger.plug(1).await,
                    GuestPhase::Charging if charger.answers("MeterValues").len() >= 3 => {
                        let _ = guest.try_stop().await;
                    }
                    phase if phase.is_final() => return Some(phase),
                    _ => {}
                }
                None
            }
        })
        .await;
        let failure = guest.try_look().await.ok().and_then(|page| page.attribute("data-failure").map(str::to_owned));
        let started = charger.answers("StartTransaction").len();
        assert_eq!(last, GuestPhase::Completed, "killed {kill}: {failure:?}, {started} transactions");
        charger.shutdown().await;
    }

    async fn assert_whole(&self) {
        self.world.assert_invariants().await;
        let db = self.world.database.with_system_clock().await;
        let number = |query: &'static str| {
            let pool = db.pool().clone();
            async move { sqlx::query_scalar::<_, i64>(query).fetch_one(&pool).await.unwrap() }
        };
        assert_eq!(number("select count(*) from charging_session").await, 1, "one session");
        assert_eq!(number("select count(*) from charging_session where state = 'settled'").await, 1, "billed once");
        assert_eq!(number("select count(*) from receipt").await, 1, "one receipt");
        let paid = number("select coalesce(sum(paid_tyiyn), 0)::bigint from payment_order").await;
        let billed = number("select coalesce(sum(billed_tyiyn), 0)::bigint from charging_session").await;
        let refunded = number("select coalesce(sum(amount_tyiyn), 0)::bigint from refund where state = 'completed'").await;
        assert_eq!(paid, 100_000, "paid once");
        assert_eq!(paid, billed + refunded, "paid = billed + refunded");
        let provider = self.world.namba_state().await;
        let returned: i64 =
            provider["refunds"].as_array().into_iter().flatten().filter_map(|r| r["amount_tyiyn"].as_i64()).sum();
        assert_eq!(returned, refunded, "the provider paid back what we say, once");
    }
}

/// Goes the way with one kill at the nth commit after the server is up; `false` when the way has fewer commits than that.
async fn goes_on_after_a_kill(nth: u64, side: Side) -> bool {
    let scene = Scene::set().await;
    scene.server.start();
    scene.until_serving().await;
    scene.proxy.set_trap(nth, side, scene.server.killer());
    scene.walk(&format!("{side:?} {nth}")).await;
    scene.assert_whole().await;
    let was_sprung = !scene.proxy.trap_is_set();
    scene.proxy.clear_trap();
    was_sprung
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_at_every_commit_of_the_way() {
    let mut kills = 0;
    // Two at a time: most of a run is waiting for chargers and providers.
    let mut nth = 1;
    loop {
        let (before, after) =
            tokio::join!(goes_on_after_a_kill(nth, Side::BeforeCommit), goes_on_after_a_kill(nth, Side::AfterCommit));
        kills += usize::from(before) + usize::from(after);
        if !before && !after || kills >= 2 * KILLS_MIN {
            break;
        }
        nth += 1;
    }
    assert!(kills >= KILLS_MIN, "only {kills} kills: the way has fewer commits than it should");
}
