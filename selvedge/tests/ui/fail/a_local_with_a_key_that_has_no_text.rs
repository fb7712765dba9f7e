struct Tenant(u32);

selvedge::local! {
    static TENANT: Tenant, baggage = "tenant";
}

fn main() {}
