//! Real requests: what hospitals and care homes asked of GetUsPPE.org from April to July 2020, and
//! what donors offered.
//!
//! Every day's requests for an item are divided by each policy; what there is to divide are the
//! offers of the item up to that day that are not given yet, and what stays unmet is not asked
//! again. Every policy gives as much in all, so the days are the same for each. The file is read
//! where it lies (`CHANGBEI_DATA`, else `../shared/data`); without it the test says so and ends.

use crate::build::*;
use changbei::allocation::comparison::compare;
use changbei::allocation::{Measure, Policy, Recipient, solve};
use changbei::kernel::Ratio;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// More than this of one item for one institution is taken for a slip of the pen.
const ABSURD: f64 = 1_000_000.0;

/// Items by day, in the order of the days.
type ByDay = BTreeMap<(String, String), Vec<(usize, i64)>>;

/// The lines of a file by day and item, and the refused ones by reason.
fn read(file: &str) -> Option<(ByDay, BTreeMap<&'static str, Vec<usize>>)> {
    let folder =
        std::env::var("CHANGBEI_DATA").unwrap_or_else(|_unset| "../shared/data".to_owned());
    let path = PathBuf::from(folder).join("ppe_requests").join(file);
    let text = std::fs::read_to_string(path).ok()?;
    let (mut lines, mut refused) = (ByDay::new(), BTreeMap::<_, Vec<usize>>::new());
    let mut dated: Vec<(usize, Vec<&str>)> = text
        .lines()
        .enumerate()
        .skip(1)
        .map(|(number, line)| (number + 1, line.split(',').collect()))
        .collect();
    dated.sort_by_key(|(number, fields)| (fields.get(2).map(|date| (*date).to_owned()), *number));
    for (number, fields) in dated {
        let [_, _, date, item, quantity] = fields[..] else {
            refused.entry("not five fields").or_default().push(number);
            continue;
        };
        let reason = match quantity.parse::<f64>() {
            Err(_) => Some("no number"),
            Ok(quantity) if !quantity.is_finite() => Some("no number"),
            Ok(quantity) if quantity < 0.0 => Some("negative"),
            Ok(0.0) => Some("nothing"),
            Ok(quantity) if quantity.fract() != 0.0 => Some("not whole"),
            Ok(quantity) if quantity > ABSURD => Some("absurdly many"),
            Ok(_) => None,
        };
        if let Some(reason) = reason {
            refused.entry(reason).or_default().push(number);
            continue;
        }
        let quantity = quantity.parse::<f64>().unwrap() as i64;
        let day = date.get(..10).unwrap_or(date).to_owned();
        lines.entry((day, item.to_owned())).or_default().push((number, quantity));
    }
    Some((lines, refused))
}

/// What a policy did over all days.
#[derive(Default)]
struct Sums {
    given: i64,
    short: i64,
    at_zero: usize,
    lowest: f64,
    gini: f64,
    days_with_nobody_at_zero: usize,
}

fn decimal(ratio: Ratio) -> f64 {
    ratio.to_decimal(9).parse().unwrap()
}

#[test]
fn fair_policies_leave_fewer_with_nothing_than_first_come_first_served() {
    let files = read("anon_recipients.csv").zip(read("anon_donors.csv"));
    let Some(((requests, refused), (offers, refused_offers))) = files else {
        eprintln!("SKIPPED: no ppe_requests in CHANGBEI_DATA or ../shared/data");
        return;
    };
    for (what, refused) in [("requests", &refused), ("offers", &refused_offers)] {
        for (reason, lines) in refused {
            let first: Vec<usize> = lines.iter().copied().take(5).collect();
            println!("refused {what}, {reason}: {} (lines {first:?} …)", lines.len());
        }
    }
    let read: usize = requests.values().map(Vec::len).sum();
    let told: usize = refused.values().map(Vec::len).sum();
    let policies = [
        ("first come, first served", Policy::StrictPriority),
        ("leximin", Policy::Leximin),
        ("proportional", Policy::Proportional),
        ("equal awards", Policy::EqualAwards),
        ("equal losses", Policy::EqualLosses),
    ];
    let mut sums: Vec<Sums> = policies.iter().map(|_| Sums::default()).collect();
    let (mut stock, mut offered) = (BTreeMap::<String, i64>::new(), offers.iter().peekable());
    let (mut divisions, mut scarce_requests, mut asked) = (0_usize, 0_usize, 0_i64);
    for ((day, item), lines) in &requests {
        while let Some(((offer_day, offer_item), offer_lines)) = offered.peek()
            && offer_day <= day
        {
            *stock.entry(offer_item.clone()).or_default() +=
                offer_lines.iter().map(|(_, quantity)| quantity).sum::<i64>();
            offered.next();
        }
        let there = stock.entry(item.clone()).or_default();
        let wanted: i64 = lines.iter().map(|(_, quantity)| quantity).sum();
        // Where there is enough, or nothing, every policy does the same.
        if *there == 0 || *there >= wanted {
            *there = (*there - wanted).max(0);
            continue;
        }
        (divisions, scarce_requests, asked) =
            (divisions + 1, scarce_requests + lines.len(), asked + wanted);
        let recipients: Vec<Recipient> = lines
            .iter()
            .map(|(line, quantity)| needs(&format!("line {line}"), *quantity))
            .collect();
        for ((_, policy), sum) in policies.iter().zip(&mut sums) {
            let problem = pool(policy.clone(), Measure::Need, 1, *there, recipients.clone());
            let solution = solve(&problem).unwrap();
            let figures = compare(&problem, &solution);
            assert_eq!(figures.packs_given, *there);
            sum.given += figures.packs_given;
            sum.short += figures.units_short.units();
            sum.at_zero += figures.left_at_zero;
            sum.lowest += figures.lowest_level.map_or(0.0, decimal);
            sum.gini += figures.gini.map_or(0.0, decimal);
            sum.days_with_nobody_at_zero += usize::from(figures.left_at_zero == 0);
        }
        *there = 0;
    }
    println!("{read} requests read, {told} refused by line; {divisions} scarce divisions of");
    println!("{scarce_requests} requests for {asked} pieces");
    println!(
        "| policy | pieces given | pieces short | requests left with nothing | divisions that leave nobody with nothing | lowest filled part, mean | Gini, mean |"
    );
    println!("|---|---|---|---|---|---|---|");
    for ((name, _), sum) in policies.iter().zip(&sums) {
        let mean = |sum: f64| sum / divisions as f64;
        println!(
            "| {name} | {} | {} | {} | {} | {:.1} % | {:.3} |",
            sum.given,
            sum.short,
            sum.at_zero,
            sum.days_with_nobody_at_zero,
            100.0 * mean(sum.lowest),
            mean(sum.gini)
        );
    }
    let [first_come, leximin, ..] = sums.as_slice() else { panic!("no policies") };
    assert!(read > 30_000 && divisions >= 50, "{read} {divisions}");
    assert!(sums.iter().all(|sum| sum.given == first_come.given && sum.short == first_come.short));
    assert!(sums.iter().all(|sum| leximin.at_zero <= sum.at_zero && leximin.lowest >= sum.lowest));
    assert!(leximin.at_zero < first_come.at_zero && leximin.gini < first_come.gini);
}
