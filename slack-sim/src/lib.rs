//! A local Slack, for tests and demonstrations.
//!
//! It owns a workspace in memory, answers the Web API methods that an app calls, and sends the app
//! the signed HTTP deliveries that Slack would send when people type commands, press buttons and
//! submit views. It exists because what an access broker must get right is at this border: who
//! clicked, on which version, how often, and what happens when Slack is slow or wrong. It keeps
//! nothing on disk, speaks to nobody but the app, and never sleeps: time is the caller's.
//!
//! ```no_run
//! use slack_sim::{Channel, Person, Sim, Workspace};
//!
//! # async fn example(app_base_url: &str) {
//! let sim = Sim::start(
//!     Workspace::new()
//!         .person(Person::member("U0ALICE", "alice"))
//!         .person(Person::member("U0BOB", "bob"))
//!         .group("S0DBA", "dba", ["U0BOB"])
//!         .channel(Channel::new("C0DBA", "dba-approvals", ["U0ALICE", "U0BOB"])),
//! )
//! .await;
//! // Start the app with `sim.api_url()`, `sim.bot_token()` and `sim.signing_secret()`; then:
//! sim.connect(app_base_url);
//!
//! let alice = sim.person("U0ALICE");
//! alice.command("C0DBA", "/jit", "request db-prod:write 30m writes fail").await;
//! let card = sim.wait_until(|sim| sim.messages("C0DBA").pop()).await;
//! sim.person("U0BOB").click(&card, "approve").await;
//! sim.wait_until(|sim| sim.dm("U0ALICE").pop().filter(|m| m.says("granted"))).await;
//! # }
//! ```
//!
//! The functions that act panic when a test asks for what is not there, and say what is.
//!
//! | to see | read |
//! |---|---|
//! | who and what there is | [`Workspace`], [`Person`], [`Channel`] |
//! | what the app may do | [`Manifest`] |
//! | starting, reading, waiting, faults, events, raw deliveries | [`Sim`] |
//! | acting as somebody | [`Actor`] |
//! | doing both from another process | [`Client`] |
//! | Socket Mode | [`Sim::connect_socket`], [`Sim::disconnect`] |

mod actor;
mod app;
mod blocks;
pub mod client;
mod clock;
mod control;
mod deliver;
mod delivery;
mod entities;
mod events;
mod faults;
mod limits;
mod manifest;
mod mentions;
mod message;
mod mistake;
mod modal;
mod page;
mod payload;
mod post;
mod rates;
mod raw;
mod response_url;
mod retries;
mod server;
mod sim;
mod socket;
mod state;
mod view;
mod wait;
mod web_api;
mod wire;
mod workspace;

pub use actor::Actor;
pub use app::{BadAddress, Paths};
pub use client::Client;
pub use clock::{Clock, MovableClock, system_clock};
pub use delivery::{Delivery, DeliveryKind};
pub use faults::{DeliveryFault, Fault};
pub use manifest::{BadManifest, Manifest, Shortcut, SlashCommand};
pub use message::Message;
pub use modal::Submission;
pub use page::{Beside, Page, Start, Step};
pub use post::{Signing, signature};
pub use sim::{Sim, starting::CannotStart};
pub use socket::envelope::DisconnectReason;
pub use state::Call;
pub use view::View;
pub use wait::WaitedInVain;
pub use workspace::{
    APP_TOKEN, BOT_TOKEN, Channel, Group, Kind, Person, SIGNING_SECRET, Workspace,
};
