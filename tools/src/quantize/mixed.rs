//! Which nodes go back to float.
//!
//! What rounds a wire is between two nodes: in float alone, a node reads rounded values and gives some.
//! So a node goes back to float together with those that read it, and its output is not rounded at all.

use std::collections::HashMap;

use super::answers::Part;
use super::report::Fallback;
use super::search::{Plan, Search, Trial, better};
use super::{Progress, QuantizeError, Recordings};

/// Share of the multiply-adds that goes back to float at most: beyond, little of an integer program's speed
/// is left.
const MOST_FLOAT: f64 = 0.35;

/// Decibels of the logits that each node would give back in float together with its readers, over a
/// sample of the recordings, by its name.
pub(super) type Gains = HashMap<String, f64>;

/// Tries each node in float.
pub(super) fn gains(
    search: &mut Search,
    plan: &Plan,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Gains, QuantizeError> {
    let part = Part::sample(recordings.count());
    let mut silent = |_| {};
    let before = search.attempt(plan.clone(), part, recordings, &mut silent)?;
    let candidates = search.candidates(plan);
    let of = candidates.len();
    let mut gains = Gains::new();
    for (done, (node, readers)) in candidates.into_iter().enumerate() {
        let mut one = plan.clone();
        one.floats.extend(readers);
        one.floats.insert(node.clone());
        let trial = search.attempt(one, part, recordings, &mut silent)?;
        gains.insert(node, trial.answers.gain_over(&before.answers));
        progress(Progress::Weighing { done: done + 1, of });
    }
    Ok(gains)
}

/// Sends nodes back to float, as few as make the answers good: those first that give back most for their
/// multiply-adds, or all from the camera on, or all up to the answers, whichever leaves least in float.
/// Noise grows from layer to layer, so what single nodes give back does not tell of a whole stretch. If
/// nothing makes the answers good, the best of what was tried is taken.
pub(super) fn mixed(
    search: &mut Search,
    trial: Trial,
    gains: &Gains,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Trial, Vec<Fallback>), QuantizeError> {
    let base = trial.plan.clone();
    let mut fallbacks = vec![];
    let mut least: Option<(f64, Trial)> = None;
    let mut best = trial;
    for steps in orders(search, &base, gains) {
        // Twice as many each time until they are enough, then as few as are.
        let (mut too_few, mut enough, mut count) = (0, None, 1);
        while too_few + 1 < enough.unwrap_or(steps.len() + 1) {
            count = count.min(steps.len());
            let mut plan = base.clone();
            plan.floats
                .extend(steps.iter().take(count).flatten().cloned());
            let share = search.float_share(&plan);
            let mut nodes: Vec<String> = plan.floats.difference(&base.floats).cloned().collect();
            nodes.sort();
            let tried = search.attempt(plan, Part::ALL, recordings, progress)?;
            fallbacks.push(Fallback::new(nodes, share, &tried.answers));
            if search.is_good(&tried.answers) {
                enough = Some(count);
                if least.as_ref().is_none_or(|(known, _)| share < *known) {
                    least = Some((share, tried));
                }
            } else {
                too_few = count;
                best = better(Some(best), tried);
            }
            count = match enough {
                Some(enough) => (too_few + enough).div_ceil(2),
                None => 2 * count,
            };
        }
    }
    Ok((least.map_or(best, |(_, trial)| trial), fallbacks))
}

/// What goes back to float one after another, in each order that is tried.
fn orders(search: &Search, plan: &Plan, gains: &Gains) -> Vec<Vec<Vec<String>>> {
    let share = |nodes: &[String]| {
        let mut one = plan.clone();
        one.floats.extend(nodes.iter().cloned());
        search.float_share(&one) - search.float_share(plan)
    };
    let candidates = search.candidates(plan);
    let front: Vec<Vec<String>> = candidates
        .iter()
        .map(|(node, _)| vec![node.clone()])
        .collect();
    let back = front.iter().rev().cloned().collect();
    let mut by_worth: Vec<(f64, Vec<String>)> = vec![];
    for (node, readers) in candidates {
        let gain = gains.get(&node).copied().unwrap_or(0.0);
        let removed = 1.0 - 10f64.powf(-gain / 10.0);
        let nodes: Vec<String> = std::iter::once(node).chain(readers).collect();
        by_worth.push((removed / share(&nodes).max(1e-4), nodes));
    }
    by_worth.retain(|(worth, _)| *worth > 0.0);
    by_worth.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let by_worth = by_worth.into_iter().map(|(_, nodes)| nodes).collect();
    let orders = [by_worth, front, back].into_iter();
    orders.map(|steps| within(steps, &share)).collect()
}

/// The steps as far as [`MOST_FLOAT`] reaches.
fn within(steps: Vec<Vec<String>>, share: &dyn Fn(&[String]) -> f64) -> Vec<Vec<String>> {
    let mut all: Vec<String> = vec![];
    let mut within = vec![];
    for nodes in steps {
        all.extend(nodes.iter().cloned());
        if share(&all) > MOST_FLOAT {
            break;
        }
        within.push(nodes);
    }
    within
}
