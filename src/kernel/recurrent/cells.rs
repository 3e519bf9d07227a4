use super::packed::Finish;
use super::{Back, Functions, Packed, Place, Projected, Step};
use crate::kernel::count::{count, looked_up, numbers};
use crate::kernel::simd::Simd;
use crate::kernel::{Isa, dispatch};

/// Defines `$name(packed, functions, on)`: the product that `$G` sums a unit want, then `$finish` while they are in registers. Beside the
/// product's operands it touches `$own` of what it is handed.
macro_rules! cell {
    (
        $(#[$doc:meta])* $name:ident, $on:ident, $body:ident, $finish:ident($what:ident), $G:literal,
        [$($own:ident),*]
    ) => {
        $(#[$doc])*
        pub fn $name(packed: &Packed, f: Functions, on: $what<'_>) {
            let meets = !on.meets().0.is_empty();
            let own = 0 $(+ size_of_val(&on.$own[..]))*;
            let product = if meets { numbers(packed.size()) + on.met(packed) } else { 0 };
            count(if meets { on.batch * packed.size() } else { 0 }, product + on.looked_up() + own);
            $on(Isa::best(), packed, f, on);
        }

        dispatch!(fn $on(packed: &Packed, f: Functions, on: $what<'_>) = $body);

        #[inline(always)]
        fn $body<V: Simd, N: Simd>(packed: &Packed, f: Functions, on: $what<'_>) {
            let (rows, (x, stride)) = (on.batch, on.meets());
            packed.run::<V, N, _, $G>(x, stride, rows, &mut $finish { on, f });
        }

        struct $finish<'a> {
            on: $what<'a>,
            f: Functions,
        }
    };
}

impl<'a> Step<'a> {
    /// What meets the weights, and how far its rows are apart.
    #[inline(always)]
    fn meets(&self) -> (&'a [f32], usize) {
        (self.h_met, self.units)
    }

    /// Bytes of that, unless it is the state itself.
    fn met(&self, _: &Packed) -> usize {
        if std::ptr::eq(self.h_met, self.h_before) { 0 } else { size_of_val(self.h_met) }
    }

    /// Bytes of projections that are looked up.
    fn looked_up(&self) -> usize {
        match self.projected {
            Projected::InPlace => 0,
            Projected::Rows { table, index } => {
                // A cell with one gate may have no room for them: its state is the gate.
                let width = self.units.max(self.gates.len() / self.batch.max(1));
                looked_up(index.len(), width, table) + size_of_val(index)
            }
        }
    }
}

impl<'a> Back<'a> {
    #[inline(always)]
    fn meets(&self) -> (&'a [f32], usize) {
        (self.after, self.after.len() / self.batch.max(1))
    }

    /// Bytes of that: of wider rows what the weights reach.
    fn met(&self, packed: &Packed) -> usize {
        numbers(self.batch * packed.depth())
    }

    /// Nothing is looked up.
    fn looked_up(&self) -> usize {
        0
    }
}

cell! {
    /// `h = φ(input + h_met·U)`.
    simple_rnn_step, simple_rnn_step_on, simple_rnn_step_of, SimpleRnnStep(Step), 1,
    [mask, h_before, gates, h]
}

impl Finish<1> for SimpleRnnStep<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, place: Place) -> [V; 1] {
        [self.on.input(place, 0, 1)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let h = if self.on.masked(place) { place.own(self.on.h_before) } else { self.f.state.of(sum) };
        place.set(self.on.h, h);
    }
}

cell! {
    /// `δ = ∂L/∂h ⊙ φ′`, where `packed` holds `Uᵀ`.
    simple_rnn_back, simple_rnn_back_on, simple_rnn_back_of, SimpleRnnBack(Back), 1,
    [mask, asked, dropped, h, delta, dh, carry]
}

impl Finish<1> for SimpleRnnBack<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, _: Place) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let Some(dh) = self.on.arrive(place, sum, 1) else { return };
        let delta = self.f.state.slope(dh, place.own(self.on.h));
        self.on.set_delta(place, 0, 1, delta);
        place.set(self.on.carry, V::splat(0.0));
    }
}

cell! {
    /// Gates i, f, g, o, then the cell state and the hidden state; `φ(c)` is kept.
    lstm_step, lstm_step_on, lstm_step_of, LstmStep(Step), 4,
    [mask, h_before, c_before, gates, kept, c, h]
}

impl Finish<4> for LstmStep<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, place: Place) -> [V; 4] {
        let on = &self.on;
        [on.input(place, 0, 4), on.input(place, 1, 4), on.input(place, 2, 4), on.input(place, 3, 4)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [i, f, g, o]: [V; 4]) {
        let Functions { state, gate } = self.f;
        let (i, f, g, o) = (gate.of(i), gate.of(f), state.of(g), gate.of(o));
        let before: V = place.own(self.on.c_before);
        let c = f.mul_add(before, i.mul(g));
        let squashed = state.of(c);
        for (k, value) in [i, f, g, o].into_iter().enumerate() {
            self.on.set_gate(place, k, 4, value);
        }
        place.set(self.on.kept, squashed);
        let masked = self.on.masked(place);
        place.set(self.on.c, if masked { before } else { c });
        place.set(self.on.h, if masked { place.own(self.on.h_before) } else { o.mul(squashed) });
    }
}

cell! {
    /// δ of i, f, g, o, and ∂L/∂c of the step before.
    lstm_back, lstm_back_on, lstm_back_of, LstmBack(Back), 1,
    [mask, asked, dropped, gates, kept, c_before, delta, dh, carry, dc]
}

impl Finish<1> for LstmBack<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, _: Place) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let Some(dh) = self.on.arrive(place, sum, 4) else { return };
        let Functions { state, gate } = self.f;
        let on = &self.on;
        let (i, f): (V, V) = (on.gate(place, 0, 4), on.gate(place, 1, 4));
        let (g, o): (V, V) = (on.gate(place, 2, 4), on.gate(place, 3, 4));
        let squashed: V = place.own(self.on.kept);
        let dc = state.slope(dh.mul(o), squashed).add(place.own(self.on.dc));
        let deltas = [
            gate.slope(dc.mul(g), i),
            gate.slope(dc.mul(place.own(self.on.c_before)), f),
            state.slope(dc.mul(i), g),
            gate.slope(dh.mul(squashed), o),
        ];
        for (k, delta) in deltas.into_iter().enumerate() {
            self.on.set_delta(place, k, 4, delta);
        }
        place.set(self.on.dc, dc.mul(f));
        place.set(self.on.carry, V::splat(0.0));
    }
}

/// `h = z ⊙ before + (1 − z) ⊙ candidate`, or what it was where the row takes no step.
#[inline(always)]
fn blend<V: Simd>(on: &mut Step<'_>, place: Place, z: V, candidate: V) {
    let before: V = place.own(on.h_before);
    let h = z.mul_add(before, V::splat(1.0).sub(z).mul(candidate));
    let h = if on.masked(place) { before } else { h };
    place.set(on.h, h);
}

cell! {
    /// Gates z, r and the candidate with `reset_after`: all products at once; the candidate's, with its bias, is kept.
    gru_step, gru_step_on, gru_step_of, GruStep(Step), 3,
    [mask, recurrent_bias, h_before, gates, kept, h]
}

impl Finish<3> for GruStep<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, place: Place) -> [V; 3] {
        let on = &self.on;
        let (z, r): (V, V) = (on.input(place, 0, 3), on.input(place, 1, 3));
        [z.add(on.bias(place, 0)), r.add(on.bias(place, 1)), on.bias(place, 2)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [z, r, product]: [V; 3]) {
        let Functions { state, gate } = self.f;
        let (z, r) = (gate.of(z), gate.of(r));
        let candidate = state.of(r.mul_add(product, self.on.input(place, 2, 3)));
        place.set(self.on.kept, product);
        for (k, value) in [z, r, candidate].into_iter().enumerate() {
            self.on.set_gate(place, k, 3, value);
        }
        blend(&mut self.on, place, z, candidate);
    }
}

cell! {
    /// Gates z and r without `reset_after`; `r ⊙ h_met` is kept, for [`gru_candidate`] to meet.
    gru_gates, gru_gates_on, gru_gates_of, GruGates(Step), 2,
    [h_before, gates, kept]
}

impl Finish<2> for GruGates<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, place: Place) -> [V; 2] {
        [self.on.input(place, 0, 3), self.on.input(place, 1, 3)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [z, r]: [V; 2]) {
        let (z, r) = (self.f.gate.of(z), self.f.gate.of(r));
        // The candidate's projection waits in its place.
        let input: V = self.on.input(place, 2, 3);
        self.on.set_gate(place, 2, 3, input);
        self.on.set_gate(place, 0, 3, z);
        self.on.set_gate(place, 1, 3, r);
        place.set(self.on.kept, r.mul(place.own(self.on.h_met)));
    }
}

cell! {
    /// The candidate without `reset_after`, and the state: `h_met` is what [`gru_gates`] kept, and projections are in place.
    gru_candidate, gru_candidate_on, gru_candidate_of, GruCandidate(Step), 1,
    [mask, h_before, gates, h]
}

impl Finish<1> for GruCandidate<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, place: Place) -> [V; 1] {
        [self.on.input(place, 2, 3)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let candidate = self.f.state.of(sum);
        self.on.set_gate(place, 2, 3, candidate);
        let z: V = self.on.input(place, 0, 3);
        blend(&mut self.on, place, z, candidate);
    }
}

/// δ of z and of the candidate, and what passes along the state itself.
#[inline(always)]
fn unblend<V: Simd>(on: &mut Back<'_>, f: Functions, place: Place, dh: V) -> V {
    let (z, candidate): (V, V) = (on.gate(place, 0, 3), on.gate(place, 2, 3));
    let d_z = dh.mul(place.own::<V>(on.h_before).sub(candidate));
    on.set_delta(place, 0, 3, f.gate.slope(d_z, z));
    let d_candidate = f.state.slope(dh.mul(V::splat(1.0).sub(z)), candidate);
    on.set_delta(place, 2, 3, d_candidate);
    place.set(on.carry, dh.mul(z));
    d_candidate
}

cell! {
    /// δ of z, r and the candidate with `reset_after`, and that of their products with the state.
    gru_back, gru_back_on, gru_back_of, GruBack(Back), 1,
    [mask, asked, dropped, gates, kept, h_before, delta, delta_recurrent, dh, carry]
}

impl Finish<1> for GruBack<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, _: Place) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let Some(dh) = self.on.arrive(place, sum, 3) else { return };
        let d_candidate = unblend(&mut self.on, self.f, place, dh);
        let r: V = self.on.gate(place, 1, 3);
        let d_r = self.f.gate.slope(d_candidate.mul(place.own(self.on.kept)), r);
        self.on.set_delta(place, 1, 3, d_r);
        let n = self.on.units;
        let d_z: V = place.load(self.on.delta, place.row * 3 * n + place.unit);
        for (k, value) in [d_z, d_r, d_candidate.mul(r)].into_iter().enumerate() {
            self.on.set_recurrent(place, k, 3, value);
        }
    }
}

cell! {
    /// δ of z and the candidate without `reset_after`: `packed` holds `U_zᵀ` over `U_rᵀ`. [`gru_back_reset`] does the rest.
    gru_back_state, gru_back_state_on, gru_back_state_of, GruBackState(Back), 1,
    [mask, asked, dropped, gates, h_before, delta, dh, carry]
}

impl Finish<1> for GruBackState<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, _: Place) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        if let Some(dh) = self.on.arrive(place, sum, 3) {
            unblend(&mut self.on, self.f, place, dh);
        }
    }
}

cell! {
    /// δ of r without `reset_after`, and what goes through the reset state: `after` is δ of the candidate, `packed` holds `U_hᵀ`.
    gru_back_reset, gru_back_reset_on, gru_back_reset_of, GruBackReset(Back), 1,
    [dropped, gates, h_met, delta, carry]
}

impl Finish<1> for GruBackReset<'_> {
    #[inline(always)]
    fn begin<V: Simd>(&self, _: Place) -> [V; 1] {
        [V::splat(0.0)]
    }

    #[inline(always)]
    fn finish<V: Simd>(&mut self, place: Place, [sum]: [V; 1]) {
        let on = &mut self.on;
        let r: V = on.gate(place, 1, 3);
        let d_r = self.f.gate.slope(sum.mul(place.own(on.h_met)), r);
        on.set_delta(place, 1, 3, d_r);
        let through = sum.mul(r);
        let through = if on.dropped.is_empty() { through } else { through.mul(place.own(on.dropped)) };
        let carry = place.own::<V>(on.carry).add(through);
        place.set(on.carry, carry);
    }
}

#[cfg(test)]
mod tests;
