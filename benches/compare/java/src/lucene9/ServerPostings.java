import java.util.Collections;
import java.util.Iterator;
import org.apache.lucene.codecs.FieldsConsumer;
import org.apache.lucene.codecs.FieldsProducer;
import org.apache.lucene.codecs.PostingsFormat;
import org.apache.lucene.index.SegmentReadState;
import org.apache.lucene.index.SegmentWriteState;
import org.apache.lucene.index.Terms;

/** Stands in for postings that only Elasticsearch can read: a segment with them opens, and nobody asks for a term. */
public class ServerPostings extends PostingsFormat {
    protected ServerPostings(String name) {
        super(name);
    }

    @Override public FieldsConsumer fieldsConsumer(SegmentWriteState state) {
        throw new UnsupportedOperationException("reads only");
    }

    @Override public FieldsProducer fieldsProducer(SegmentReadState state) {
        return new FieldsProducer() {
            @Override public Iterator<String> iterator() {
                return Collections.emptyIterator();
            }

            @Override public Terms terms(String field) {
                return null;
            }

            @Override public int size() {
                return 0;
            }

            @Override public void checkIntegrity() {}

            @Override public void close() {}
        };
    }

    /** The bloom filter of `_id`, Elasticsearch 8.7 and later. */
    public static final class Bloom extends ServerPostings {
        public Bloom() {
            super("ES87BloomFilter");
        }
    }

    /** The postings of Elasticsearch 8.12 and later. */
    public static final class Elasticsearch812 extends ServerPostings {
        public Elasticsearch812() {
            super("ES812Postings");
        }
    }
}
