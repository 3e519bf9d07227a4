//! Which colour, letter and line a run has.

/// The number of letters.
pub(super) const SLOTS: usize = 24;
/// The number of colours: a run whose slot is greater shares one.
pub(super) const COLORS: usize = 8;
/// The number of lines, likewise.
pub(super) const LINES: usize = 3;

/// Returns the slot of each name: that of its hash, or the next free one, first those with the least used colour and then those with the
/// least used line. The order of the names changes nothing.
pub(super) fn slots(names: &[&str]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_unstable_by_key(|i| names.get(*i));
    let mut slots = vec![0; names.len()];
    let mut taken = [false; SLOTS];
    let (mut colors, mut lines) = ([0_usize; COLORS], [0_usize; LINES]);
    for i in sorted {
        let first = names.get(i).map_or(0, |name| hash(name)) % SLOTS;
        let candidates = (0..SLOTS).map(|by| (first + by) % SLOTS);
        let free = candidates.filter(|slot| !taken.get(*slot).copied().unwrap_or(true));
        // Of equal ones the nearest to the hash.
        let slot = free.min_by_key(|slot| (colors[slot % COLORS], lines[slot % LINES])).unwrap_or(first);
        colors[slot % COLORS] += 1;
        lines[slot % LINES] += 1;
        if let Some(taken) = taken.get_mut(slot) {
            *taken = true;
        }
        if let Some(of) = slots.get_mut(i) {
            *of = slot;
        }
    }
    slots
}

/// FNV-1a: the same in every version and on every machine.
fn hash(name: &str) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash >> 32) ^ hash) as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_alone_has_the_slot_of_its_name_and_the_order_changes_nothing() {
        let names = ["lstm", "gru", "rnn", "conv", "dense", "attention", "bilstm", "bigru"];
        let all = slots(&names);
        let mut reversed = names;
        reversed.reverse();
        let mut back = slots(&reversed);
        back.reverse();
        assert_eq!(all, back);
        let colors: std::collections::BTreeSet<usize> = all.iter().map(|slot| slot % COLORS).collect();
        assert_eq!(colors.len(), COLORS);
        let lines: std::collections::BTreeSet<usize> =
            slots(&names[..3]).iter().map(|slot| slot % LINES).collect();
        assert_eq!(lines.len(), LINES);
        // The first of the sorted names always has its own.
        assert_eq!(slots(&["attention"])[0], all[5]);
    }

    #[test]
    fn as_many_runs_as_letters_are_told_apart() {
        let names: Vec<String> = (0..SLOTS).map(|i| format!("run-{i}")).collect();
        let mut all = slots(&names.iter().map(String::as_str).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..SLOTS).collect::<Vec<_>>());
    }
}
