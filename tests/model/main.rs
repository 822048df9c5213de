//! The model test: random commands against a small model in memory and both databases.
//!
//! Every command is answered alike by all three (status and code), the two databases answer with
//! the same body, and after each batch the three have the same balances, byte for byte, with ids
//! replaced by the order in which they came. What is random comes from one seed, which is printed.
//!
//! ```text
//! CHANGBEI_OPERATIONS=1000000   how many commands (default 100 000)
//! CHANGBEI_SEED=42              the run to repeat (default: one that nobody chose)
//! ```
//!
//! To add a command: a variant of `Command` with a chance in `Command::any`, an arm in
//! `World::judge` that says what shall happen, and an arm in `Machine::perform` that makes it so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::wildcard_enum_match_arm,
    reason = "a test that stumbles says so with its line number"
)]

#[path = "../support/mod.rs"]
mod support;

mod command;
mod dispatches;
mod machine;
mod world;

use changbei::kernel::Instant;
use command::{Command, Step};
use machine::Machine;
use std::sync::Arc;
use support::chance::Chance;
use world::World;

/// Commands that share one transaction, one export and one comparison.
const BATCH: usize = 100;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn any_commands_do_the_same_in_the_model_and_in_both_databases() {
    let operations = setting("CHANGBEI_OPERATIONS").unwrap_or(100_000) as usize;
    let seed = setting("CHANGBEI_SEED").unwrap_or_else(|| Chance::fresh().0);
    eprintln!("CHANGBEI_SEED={seed} CHANGBEI_OPERATIONS={operations}");
    let mut chance = Chance::from_seed(seed);
    let mut world = World::new(Instant::parse(support::NOW).unwrap());
    let mut machines: Vec<Machine> = support::databases().into_iter().map(Machine::new).collect();
    let mut done = 0;
    while done < operations {
        let batch: Arc<Vec<Step>> = Arc::new(batch(&mut chance, &mut world, done));
        let expected = world.export();
        let bodies = std::thread::scope(|scope| {
            let running: Vec<_> = machines
                .iter_mut()
                .map(|machine| {
                    let (batch, expected) = (Arc::clone(&batch), &expected);
                    scope.spawn(move || machine.run(&batch, expected))
                })
                .collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| std::process::abort()))
                .collect::<Vec<_>>()
        });
        let mut bodies = bodies.into_iter();
        let first = bodies.next().expect("a database");
        for (name, found) in bodies {
            for (step, (one, other)) in batch.iter().zip(first.1.iter().zip(&found)) {
                assert_eq!(one, other, "{} and {name} answered {step:#?}", first.0);
            }
        }
        done += batch.len();
        if done % 10_000 < BATCH {
            eprintln!("{done} operations; {}", world.summary());
        }
    }
    for machine in &machines {
        machine.verify();
    }
    world.covers_every_code();
    eprintln!("{}", world.summary());
}

/// The next commands with what the model says of each.
fn batch(chance: &mut Chance, world: &mut World, done: usize) -> Vec<Step> {
    world.pass_time(chance);
    (done..done + BATCH)
        .map(|number| {
            let (by, command) = Command::any(chance, world);
            world.step(number, by, command)
        })
        .collect()
}
