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
mod corrections;
mod counts;
mod dispatches;
mod machine;
mod world;

use changbei::kernel::Instant;
use command::{Command, Step};
use machine::Machine;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::chance::Chance;
use world::World;

/// Worlds that run side by side.
const WORLDS: usize = 2;

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
    // Each world is one thread after another, so one a core.
    let worlds: Vec<World> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..WORLDS)
            .map(|number| {
                threads.spawn(move || {
                    let world = World::new(Instant::parse(support::NOW).unwrap());
                    run(number, seed, operations / WORLDS, world, &AtomicUsize::new(0))
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().expect("a world without a difference")).collect()
    });
    // A short run cannot meet everything.
    if operations >= 20_000 {
        World::cover_every_code(&worlds);
    }
}

/// The comparison finds what it looks for: a model that forgets what was promised is contradicted.
#[test]
fn a_model_that_forgets_promises_is_contradicted_soon() {
    let (seed, _) = Chance::fresh();
    let mut world = World::new(Instant::parse(support::NOW).unwrap());
    world.forgets_promises = true;
    let done = AtomicUsize::new(0);
    let run = AssertUnwindSafe(|| run(0, seed, 5_000, world, &done));
    assert!(catch_unwind(run).is_err(), "seed {seed}: nothing was found in 5 000 operations");
    eprintln!("found within {} operations", done.load(Ordering::SeqCst) + BATCH);
}

/// So is one that holds counts against the book of the sheet, as if nothing moved while counting.
#[test]
fn a_model_that_forgets_what_moved_while_counting_is_contradicted_soon() {
    let (seed, _) = Chance::fresh();
    let mut world = World::new(Instant::parse(support::NOW).unwrap());
    world.forgets_movements_while_counting = true;
    let done = AtomicUsize::new(0);
    let run = AssertUnwindSafe(|| run(0, seed, 10_000, world, &done));
    assert!(catch_unwind(run).is_err(), "seed {seed}: nothing was found in 10 000 operations");
    eprintln!("found within {} operations", done.load(Ordering::SeqCst) + BATCH);
}

/// Runs one world of its own, with its own two databases.
fn run(
    number: usize,
    seed: u64,
    operations: usize,
    mut world: World,
    compared: &AtomicUsize,
) -> World {
    let mut chance = Chance::from_seed(seed ^ number as u64);
    let mut machines: Vec<Machine> = support::databases().into_iter().map(Machine::new).collect();
    let mut done = 0;
    while done < operations {
        let batch: Arc<Vec<Step>> = Arc::new(batch(&mut chance, &mut world, done));
        let expected = world.export();
        let answers: Vec<_> =
            machines.iter_mut().map(|machine| machine.run(&batch, &expected)).collect();
        for pair in answers.windows(2) {
            for (step, (one, other)) in batch.iter().zip(pair[0].iter().zip(&pair[1])) {
                assert_eq!(one, other, "the databases answered otherwise to {step:#?}");
            }
        }
        done += batch.len();
        compared.store(done, Ordering::SeqCst);
        if done % 10_000 < BATCH {
            eprintln!("world {number}: {done} operations");
        }
    }
    for machine in &machines {
        machine.verify();
        eprintln!("world {number}: {}", machine.summary());
    }
    eprintln!("world {number}: {}", world.summary());
    world
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
