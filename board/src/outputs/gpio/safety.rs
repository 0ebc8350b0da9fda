//! Safe lines even when the program panics, which in the flashed program ends it without unwinding.

use std::sync::{Arc, Mutex, Once, PoisonError, TryLockError, Weak};

use embedded_hal::digital::OutputPin;

use super::lamp::Lamp;

trait MakeSafe: Send + Sync {
    fn make_safe(&self);
}

impl<P: OutputPin + Send> MakeSafe for Mutex<Vec<Lamp<P>>> {
    fn make_safe(&self) {
        let mut lamps = match self.try_lock() {
            Ok(lamps) => lamps,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // The thread that panics holds them: the kernel releases its lines in a moment.
            Err(TryLockError::WouldBlock) => return,
        };
        lamps.iter_mut().for_each(Lamp::make_safe);
    }
}

static GUARDED: Mutex<Vec<Weak<dyn MakeSafe>>> = Mutex::new(Vec::new());

/// From now on these lamps are made safe when any thread panics.
pub fn guard<P: OutputPin + Send + 'static>(lamps: &Arc<Mutex<Vec<Lamp<P>>>>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            all_safe();
            before(panic);
        }));
    });
    let lamps: Weak<Mutex<Vec<Lamp<P>>>> = Arc::downgrade(lamps);
    let mut guarded = GUARDED.lock().unwrap_or_else(PoisonError::into_inner);
    guarded.retain(|lamps| lamps.strong_count() > 0);
    guarded.push(lamps);
}

fn all_safe() {
    let Ok(guarded) = GUARDED.try_lock() else {
        return;
    };
    let lamps = guarded.iter().filter_map(Weak::upgrade);
    lamps.for_each(|lamps| lamps.make_safe());
}
