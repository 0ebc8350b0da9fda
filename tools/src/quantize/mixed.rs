//! Which nodes go back to float.

use std::collections::HashMap;

use super::answers::Part;
use super::report::Fallback;
use super::search::{Plan, Search, Trial, better};
use super::{Progress, QuantizeError, Recordings};

/// Nodes that go back to float in all, at most.
const MOST_FLOATS: usize = 32;

/// Decibels of the logits that each node alone would give back in float, over a sample of the
/// recordings, by its name.
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
    for (done, node) in candidates.into_iter().enumerate() {
        let mut one = plan.clone();
        one.floats.insert(node.clone());
        let trial = search.attempt(one, part, recordings, &mut silent)?;
        gains.insert(node, trial.answers.gain_over(&before.answers));
        progress(Progress::Weighing { done: done + 1, of });
    }
    Ok(gains)
}

/// Sends nodes back to float, those first that give back most, as few as make the answers good; if none
/// do, the best of what was tried is taken.
pub(super) fn mixed(
    search: &mut Search,
    trial: Trial,
    gains: &Gains,
    recordings: &mut dyn Recordings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Trial, Vec<Fallback>), QuantizeError> {
    let mut order: Vec<(&String, f64)> = gains.iter().map(|(node, gain)| (node, *gain)).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let order: Vec<String> = order.into_iter().map(|(node, _)| node.clone()).collect();
    let most = order.len().min(MOST_FLOATS);
    let base = trial.plan.clone();
    let mut fallbacks = vec![];
    let mut best = trial;
    // Twice as many each time until they are enough, then as few as are.
    let (mut too_few, mut enough, mut count) = (0, None, 1);
    while too_few + 1 < enough.unwrap_or(most + 1) {
        let nodes = &order[..count.min(most)];
        let mut plan = base.clone();
        plan.floats.extend(nodes.iter().cloned());
        let tried = search.attempt(plan, Part::ALL, recordings, progress)?;
        fallbacks.push(Fallback::new(nodes.to_vec(), &tried.answers));
        let is_good = search.is_good(&tried.answers);
        match is_good {
            true => {
                enough = Some(nodes.len());
                best = tried;
            }
            false => {
                too_few = nodes.len();
                best = match enough {
                    Some(_) => best,
                    None => better(Some(best), tried),
                };
            }
        }
        count = match enough {
            Some(enough) => (too_few + enough).div_ceil(2),
            None => 2 * count,
        };
    }
    Ok((best, fallbacks))
}
