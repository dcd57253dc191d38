import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.codecs.StoredFieldsReader;
import org.apache.lucene.index.CodecReader;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.FilterLeafReader;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.SoftDeletesDirectoryReaderWrapper;
import org.apache.lucene.index.StoredFieldVisitor;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.Bits;

/** An index opened by Lucene 9 and 10. */
final class OpenIndex implements Closeable {
    private final DirectoryReader reader;

    private OpenIndex(DirectoryReader reader) {
        this.reader = reader;
    }

    static OpenIndex open(Path directory) throws IOException {
        DirectoryReader reader = DirectoryReader.open(FSDirectory.open(directory));
        return new OpenIndex(new SoftDeletesDirectoryReaderWrapper(reader, "__soft_deletes"));
    }

    /** The segments; if `merging`, as a merge reads them, which keeps the block of the document before. */
    List<Leaf> leaves(boolean merging) throws IOException {
        List<Leaf> leaves = new ArrayList<>();
        for (LeafReaderContext context : reader.leaves()) {
            leaves.add(leaf(context.reader(), merging));
        }
        return leaves;
    }

    private static Leaf leaf(LeafReader segment, boolean merging) throws IOException {
        Bits live = segment.getLiveDocs();
        if (!merging) {
            final StoredFields fields = segment.storedFields();
            return leaf(segment.maxDoc(), live, fields::document);
        }
        StoredFieldsReader fields = ((CodecReader) FilterLeafReader.unwrap(segment)).getFieldsReader().getMergeInstance();
        return leaf(segment.maxDoc(), live, fields::document);
    }

    private interface Read {
        void document(int document, StoredFieldVisitor visitor) throws IOException;
    }

    private static Leaf leaf(int maxDoc, Bits live, Read read) {
        return new Leaf() {
            @Override public int maxDoc() {
                return maxDoc;
            }

            @Override public boolean isLive(int document) {
                return live == null || live.get(document);
            }

            @Override public void visit(int document, StoredFieldVisitor visitor) throws IOException {
                read.document(document, visitor);
            }
        };
    }

    @Override public void close() throws IOException {
        reader.close();
    }
}
