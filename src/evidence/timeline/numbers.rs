//! Names, addresses and lists of those, each kept once: an answer is about what most others are about,
//! too. Names and addresses are numbered, as a number takes less room and is sooner compared.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::HashMapExt;
use foldhash::HashSet;
use foldhash::HashSetExt;

use crate::flow::Fqdn;

use super::PIECE;

/// Tables of hashes are at least half full, but for an eighth, and vectors at least half.
const TABLES: usize = 3;

/// An address, by its number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct AddressNumber(u32);

/// A name, by its number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct NameNumber(u32);

impl NameNumber {
    pub(super) const FIRST: NameNumber = NameNumber(0);
    pub(super) const LAST: NameNumber = NameNumber(u32::MAX);
}

/// All names, addresses and lists that were met; names and addresses are numbered in that order.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    addresses: Numbered<IpAddr>,
    names: Numbered<Fqdn>,
    lists: HashSet<Arc<[IpAddr]>>,
}

#[derive(Clone, Debug)]
struct Numbered<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn new() -> Numbered<T> {
        Numbered { numbers: HashMap::new(), values: Vec::new() }
    }

    /// The number of `value`, and whether it is a new one.
    fn add(&mut self, value: &T) -> (u32, bool) {
        if let Some(number) = self.numbers.get(value) {
            return (*number, false);
        }
        // Some gigabytes would be full of them before that.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        (number, true)
    }

    fn number(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    fn value(&self, number: u32) -> Option<&T> {
        self.values.get(usize::try_from(number).ok()?)
    }
}

impl Numbers {
    pub(super) fn new() -> Numbers {
        let lists = HashSet::new();
        Numbers { addresses: Numbered::new(), names: Numbered::new(), lists }
    }

    /// The number of an address from now on; what it takes is added to `bytes`.
    pub(super) fn add_address(&mut self, address: IpAddr, bytes: &mut usize) -> AddressNumber {
        let (number, is_new) = self.addresses.add(&address);
        if is_new {
            *bytes += TABLES * (size_of::<IpAddr>() + size_of::<u32>());
        }
        AddressNumber(number)
    }

    /// The number of a name from now on; what it takes is added to `bytes`.
    pub(super) fn add_name(&mut self, name: &Fqdn, bytes: &mut usize) -> NameNumber {
        let (number, is_new) = self.names.add(name);
        if is_new {
            let of_tables = TABLES * (size_of::<Fqdn>() + size_of::<u32>());
            *bytes += of_tables + PIECE + name.as_str().len();
        }
        NameNumber(number)
    }

    /// A list of addresses, kept from now on; what it takes is added to `bytes`.
    pub(super) fn list(&mut self, addresses: &[IpAddr], bytes: &mut usize) -> Arc<[IpAddr]> {
        if let Some(known) = self.lists.get(addresses) {
            return Arc::clone(known);
        }
        let list: Arc<[IpAddr]> = addresses.into();
        *bytes += TABLES * size_of_val(&list) + PIECE + size_of_val(addresses);
        self.lists.insert(Arc::clone(&list));
        list
    }

    pub(super) fn address(&self, address: IpAddr) -> Option<AddressNumber> {
        self.addresses.number(&address).map(AddressNumber)
    }

    pub(super) fn name(&self, name: &Fqdn) -> Option<NameNumber> {
        self.names.number(name).map(NameNumber)
    }

    /// The numbers of a client and an address.
    pub(super) fn client_and_address(
        &self,
        client: IpAddr,
        address: IpAddr,
    ) -> Option<(AddressNumber, AddressNumber)> {
        self.address(client).zip(self.address(address))
    }

    /// The numbers of a client or server and a name.
    pub(super) fn party_and_name(
        &self,
        party: IpAddr,
        name: &Fqdn,
    ) -> Option<(AddressNumber, NameNumber)> {
        self.address(party).zip(self.name(name))
    }

    /// The address with a number; `None` of one that these are not the numbers of.
    pub(super) fn address_of(&self, AddressNumber(number): AddressNumber) -> Option<IpAddr> {
        self.addresses.value(number).copied()
    }

    /// The same of a name.
    pub(super) fn name_of(&self, NameNumber(number): NameNumber) -> Option<&Fqdn> {
        self.names.value(number)
    }
}
