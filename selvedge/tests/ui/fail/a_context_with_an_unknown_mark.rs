selvedge::context! {
    static APP = "app" strict isolates;
    static OTHER = "other" quiet { config: u32 }
}

fn main() {
    APP.run(|| OTHER.run(|| ()));
}
