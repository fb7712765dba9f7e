selvedge::local! {
    static TENANT: String, baggage = "the tenant";
    static LEVEL: u8 = 3, baggage = "selvedge-contexts";
}

fn main() {}
